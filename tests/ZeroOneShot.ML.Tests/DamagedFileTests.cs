using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML;
using TorchSharp;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.Onnx;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML.Tests;

/// <summary>
/// A file of this library with a wrong byte, or with its end missing, is refused by its name, or read to the very result it had before
/// (where the byte does not matter, as a date in a zip); never to another one.
/// </summary>
/// <remarks>
/// In the suite a few hundred bytes are changed. For a long run, which ends with the same table: <c>ZEROONESHOT_FLIPS=3000
/// ZEROONESHOT_TRUNCATIONS=600</c>, and <c>-class "*DamagedFileTests" -showLiveOutput</c>.
/// </remarks>
public sealed class DamagedFileTests(DamagedFileTests.OwnFiles own) : IClassFixture<DamagedFileTests.OwnFiles>
{
    private static int Flips => Number("ZEROONESHOT_FLIPS", 360);

    private static int Truncations => Number("ZEROONESHOT_TRUNCATIONS", 72);

    [Fact]
    public void No_wrong_byte_changes_a_result_in_silence()
    {
        var random = new Random(2026);
        TryAll("flips", Flips, content =>
        {
            var damaged = content.ToArray();
            // Half of them anywhere, half near the ends, where headers and directories are: elsewhere nearly all are weights.
            var place = random.Next(4) switch
            {
                0 => random.Next(Math.Min(2048, content.Length)),
                1 => content.Length - 1 - random.Next(Math.Min(2048, content.Length)),
                _ => random.Next(content.Length),
            };
            damaged[place] ^= (byte)(random.Next(2) == 0 ? 1 << random.Next(8) : random.Next(1, 256));
            return damaged;
        }, mayBeHarmless: true);
    }

    [Fact]
    public void A_file_whose_end_is_missing_is_refused()
    {
        var random = new Random(2027);
        TryAll("truncations", Truncations, content => content[..(random.Next(2) == 0
            ? random.Next(content.Length)
            : content.Length - 1 - random.Next(Math.Min(64, content.Length)))], mayBeHarmless: false);
    }

    [Fact]
    public void Undamaged_files_are_read_to_one_result_every_time() =>
        Assert.All(own.Kinds, kind => Assert.Equal(own.Result(kind, kind.Content), own.Result(kind, kind.Content)));

    private void TryAll(string what, int count, Func<byte[], byte[]> damage, bool mayBeHarmless)
    {
        var table = new StringBuilder($"\n| file -> reader | {what} | refused | equal result | another result |\n|---|---|---|---|---|\n");
        var wrong = new List<string>();
        var (tried, all) = (0, own.Kinds.Count);
        foreach (var kind in own.Kinds)
        {
            var expected = own.Result(kind, kind.Content);
            var (refused, equal, other) = (0, 0, 0);
            for (var i = 0; i < (count + all - 1) / all; i++, tried++)
            {
                var damaged = damage(kind.Content);
                try
                {
                    if (own.Result(kind, damaged) == expected)
                        equal++;
                    else
                        other++;
                }
                catch (InvalidDataException e)
                {
                    refused++;
                    if (!e.Message.Contains(kind.File, StringComparison.Ordinal))
                        wrong.Add($"{kind.Name}: the message does not name the file: {e.Message}");
                }
                catch (Exception e)
                {
                    wrong.Add($"{kind.Name}: {e}");
                }
            }
            table.AppendLine(CultureInfo.InvariantCulture, $"| {kind.Name} | {refused + equal + other} | {refused} | {equal} | {other} |");
            if (other > 0 || equal > 0 && !mayBeHarmless)
                wrong.Add($"{kind.Name}: {other} read to another result, {equal} to an equal one");
        }
        TestContext.Current.TestOutputHelper!.WriteLine($"{table}{tried} {what} in all");
        Assert.Empty(wrong);
    }

    private static int Number(string variable, int inTheSuite) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : inTheSuite;

    /// <summary>A file and one of its readers.</summary>
    /// <param name="Name">What the table calls them.</param>
    /// <param name="File">The file's name.</param>
    /// <param name="Content">Its content.</param>
    /// <param name="Read">All that the reader tells of the file, as text.</param>
    public sealed record Kind(string Name, string File, byte[] Content, Func<string, string> Read);

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
            Kinds =
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
            ];
        }

        public IReadOnlyList<Kind> Kinds { get; }

        /// <summary>What the reader says of a content under the file's name.</summary>
        public string Result(Kind kind, byte[] content)
        {
            using var folder = new TemporaryFolder();
            return kind.Read(folder.Write(kind.File, content));
        }

        public void Dispose()
        {
            _images.Dispose();
            _folder.Dispose();
        }

        private Kind Of(string file, string reader, Func<string, string> read, byte[]? content = null) =>
            new($"{file} -> {reader}", file, content ?? File.ReadAllBytes(_folder.File(file)), read);

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

        private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexString(SHA256.HashData(bytes));
    }
}
