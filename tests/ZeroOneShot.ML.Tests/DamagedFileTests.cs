using System.Security.Cryptography;
using Microsoft.ML;
using TorchSharp;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.Onnx;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML.Tests;

/// <summary>Files of networks, their checkpoints and saved models, through all readers (<see cref="Damage"/>).</summary>
public sealed class DamagedFileTests(DamagedFileTests.OwnFiles own) : IClassFixture<DamagedFileTests.OwnFiles>
{
    [Fact]
    public void No_wrong_byte_changes_a_result_in_silence() => Damage.Flip(own.Files, inTheSuite: 400);

    [Fact]
    public void A_file_whose_end_is_missing_is_refused() => Damage.Truncate(own.Files, inTheSuite: 80);

    [Fact]
    public void Undamaged_files_are_read_to_one_result_every_time() =>
        Assert.All(own.Files, file => Assert.Equal(file.Result(file.Content), file.Result(file.Content)));

    /// <summary>One file of every format that the library writes.</summary>
    public sealed class OwnFiles : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly ImageClassifierPoolTests.ImageModel _images = new();

        public OwnFiles()
        {
            var ml = new MLContext(seed: 1);
            using var trained = Toy.Pipeline(ml).Fit(Toy.Data(ml));
            trained.LastTransformer.Weights.Save(_folder.File("weights.safetensors"));
            trained.LastTransformer.ExportOnnx(_folder.File("model.onnx"));
            ml.Model.Save(trained, Toy.Data(ml).Schema, _folder.File("stages.zip"));
            var loaded = ml.Model.Load(_images.Zip, out var schema);
            ml.Model.Save(loaded, schema, _folder.File("again.zip"));
            (loaded as IDisposable)?.Dispose();
            var (prune, search, train) = (_folder.File("prune.safetensors"), _folder.File("search.safetensors"),
                _folder.File("train.safetensors"));
            Prune(prune);
            Search(search);
            Train(train);
            Fit(_folder.File("fit"));
            Files =
            [
                Of("weights.safetensors", "CellNetWeights.Read", Weights),
                Of("weights.safetensors", "SafetensorsFile.Read", Tensors),
                Of("prune.safetensors", "ZeroShotPruning", Prune),
                Of("search.safetensors", "MaskedDartsSearch", Search),
                Of("train.safetensors", "CellNetTraining", Train),
                Of("model.onnx", "CellNetWeights.Read", Weights),
                Of("model.onnx", "ReadSearchInfo", Info),
                Of("model.onnx", "OnnxMetadata.Read", Texts),
                Of("stages.zip", "CellNetWeights.Read", Weights),
                Of("stages.zip", "ReadSearchInfo", Info),
                Of("again.zip", "ImageClassifierPool (saved again by ML.NET)", Pool),
                Of("model.zip", "ImageClassifierPool", Pool, File.ReadAllBytes(_images.Zip)),
                Of("fit.json", "ZeroOneShotTrainer", Plan, File.ReadAllBytes(Path.Combine(_folder.File("fit"), "fit.json"))),
            ];
        }

        internal IReadOnlyList<OwnFile> Files { get; }

        public void Dispose()
        {
            _images.Dispose();
            _folder.Dispose();
        }

        private OwnFile Of(string file, string reader, Func<string, string> read, byte[]? content = null) =>
            new(file, reader, content ?? File.ReadAllBytes(_folder.File(file)), read);

        private static string Weights(string path)
        {
            CellNetWeights.Read(path, Toy.Space).Save(path + ".read");
            return Hash(File.ReadAllBytes(path + ".read"));
        }

        private static string Tensors(string path)
        {
            using var scope = torch.NewDisposeScope();
            var file = SafetensorsFile.Read(path);
            return string.Join('\n', file.Metadata.Select(text => $"{text}").Concat(file.Tensors.Select(
                tensor =>
                    $"{tensor.Key} {tensor.Value.DType} {string.Join(',', tensor.Value.Shape)} {Hash(file.Load(tensor.Key).bytes)}")));
        }

        private static string Texts(string path) => string.Join('\n', OnnxMetadata.Read(path));

        private static string Info(string path)
        {
            var info = new MLContext().Model.ReadSearchInfo(path, Toy.Space);
            return $"{info.Genotype} {info.Mask?.ToJson()} {info.Method} {string.Join(',', info.ClassNames)} {info.Settings} " +
                info.LibraryVersion;
        }

        private string Pool(string path)
        {
            using var pool = ImageClassifierPool.Load(path);
            return string.Join('\n', _images.Files.Take(2).SelectMany(file => pool.Classify(file))
                .Select(score => $"{score.Label} {BitConverter.SingleToInt32Bits(score.Score)}"));
        }

        private static string Prune(string checkpoint) =>
            ZeroShotPruning.Prune(Toy.Images(), Toy.Prune().Settings, null, checkpoint).ToJson();

        private static string Search(string checkpoint)
        {
            var options = Toy.Search().Settings with { Seed = 3 };
            var result = MaskedDartsSearch.Run(Toy.Images(), OperationMask.Full(Toy.Space), options, null, checkpoint);
            return string.Join('\n', result.Epochs) + string.Join(' ', SearchSpace.Darts.Kinds.SelectMany(kind => result.Alphas[kind])
                .Select(BitConverter.SingleToInt32Bits)) + result.Genotype;
        }

        private static string Train(string checkpoint)
        {
            using var trained = CellNetTraining.Train(
                Toy.Images(), Toy.Genotype, Toy.TrainByHand().Settings, space: Toy.Space, checkpoint: checkpoint);
            trained.Weights().Save(checkpoint + ".read");
            return string.Join('\n', trained.Epochs) + Hash(File.ReadAllBytes(checkpoint + ".read"));
        }

        /// <summary>A Fit that is stopped when it has a plan.</summary>
        private static void Fit(string folder)
        {
            using var source = new CancellationTokenSource();
            var options = Options(folder);
            (options.CancellationToken, options.Progress) = (source.Token, new Cancelling(source));
            Assert.ThrowsAny<OperationCanceledException>(() => Trainer(options).Fit(Images()));
        }

        private static string Plan(string path) => Trainer(Options(Path.GetDirectoryName(path)!)).Plan(Images()).ToJson();

        private static ZeroOneShotTrainer Trainer(ZeroOneShotTrainer.Options options) =>
            new MLContext(seed: 1).MulticlassClassification.Trainers.ZeroOneShot(options);

        private static ZeroOneShotTrainer.Options Options(string folder) => new()
        {
            TimeBudget = TimeSpan.FromMinutes(0.5), Time = new LookedAtTime(), ShowProgress = false, CheckpointFolder = folder,
        };

        private static IDataView Images() => new MLContext().Data.LoadImages(Toy.Images(60));

        private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexString(SHA256.HashData(bytes));
    }
    private sealed class Cancelling(CancellationTokenSource source) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => source.Cancel();
    }
}
