using System.IO.Compression;
using CsCheck;
using Google.Protobuf;
using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Models;
using ZeroOneShot.Networks;
using ZeroOneShot.Onnx;
using ZeroOneShot.Persistence;
using ZeroOneShot.Tests.SearchSpaces;
using ZeroOneShot.Tests.Training;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tests.Persistence;

/// <summary>Whatever a file holds, its reader reads it or throws what its documentation says, with the file's name.</summary>
public sealed class ReaderExceptionTests : IClassFixture<ReaderExceptionTests.Files>, IDisposable
{
    private readonly Files _files;
    private readonly TemporaryFolder _folder = new();

    public ReaderExceptionTests(Files files) => _files = files;

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Readers => [.. Files.Readers.Keys];

    [Theory, MemberData(nameof(Readers))]
    public void Any_bytes_are_read_or_refused_by_name(string reader) => Check.Sample(
        Bytes(_files.Content(Files.Readers[reader].Content)), content => OnlyDocumented(reader, content), iter: 300, threads: 1);

    // What has a right checksum, as a file that was made to harm has.
    [Fact]
    public void Sealed_safetensors_with_any_texts_and_tensors_are_read_or_refused_by_name()
    {
        var file = SafetensorsFile.Read(_folder.Write("good.safetensors", _files.Content("weights.safetensors")));
        Check.Sample(
            Gen.Select(Gen.Int[0, file.Metadata.Count - 1], Gen.Int[0, file.Tensors.Count - 1], Gen.Int[0, 3], Gen.Int[0, 1_000_000]),
            (text, tensor, change, seed) =>
            {
                using var scope = torch.NewDisposeScope();
                var texts = file.Metadata.ToDictionary();
                var (key, value) = file.Metadata.ElementAt(text);
                texts[key] = MutatedText(value, seed);
                var tensors = file.Tensors.Keys.Select(name => (name, file.Load(name))).ToList();
                tensors[tensor] = change switch
                {
                    0 => (tensors[tensor].name, torch.ones(seed % 7)),
                    1 => (tensors[tensor].name, tensors[tensor].Item2.to(torch.int64)),
                    2 => ($"x.{seed}", tensors[tensor].Item2),
                    _ => tensors[tensor],
                };
                SafetensorsFile.Write(_folder.File("sealed.safetensors"), tensors, texts);
                OnlyDocumented("weights", File.ReadAllBytes(_folder.File("sealed.safetensors")));
            }, iter: 150, threads: 1);
    }

    [Fact]
    public void Sealed_models_with_any_texts_and_tensors_are_read_or_refused_by_name()
    {
        var good = ModelProto.Parser.ParseFrom(_files.Content("model.onnx"));
        foreach (var text in good.MetadataProps.Where(text => Checksum.Owns(text.Key)).ToList())
            good.MetadataProps.Remove(text);
        Check.Sample(Gen.Select(Gen.Int[0, good.MetadataProps.Count - 1], Gen.Int[0, good.Graph.Initializer.Count - 1], Gen.Int[0, 4],
            Gen.Int[0, 1_000_000]), (text, tensor, change, seed) =>
            {
                var model = good.Clone();
                model.MetadataProps[text].Value = MutatedText(model.MetadataProps[text].Value, seed);
                var constant = model.Graph.Initializer[tensor];
                if (change == 0)
                    constant.Dims.Add(seed - 500_000);
                else if (change == 1)
                    constant.RawData = ByteString.CopyFrom(constant.RawData.Span[..(seed % (constant.RawData.Length + 1))]);
                else if (change == 2)
                    constant.Name = model.Graph.Initializer[seed % model.Graph.Initializer.Count].Name;
                else if (change == 3)
                    constant.DataType = seed % 20;
                using var stream = new MemoryStream();
                OnnxFiles.Write(model, stream);
                OnlyDocumented("weights", stream.ToArray());
                OnlyDocumented("ONNX", stream.ToArray());
            }, iter: 150, threads: 1);
    }

    [Fact]
    public void Sealed_checkpoints_with_any_state_are_resumed_or_refused_by_name()
    {
        var file = SafetensorsFile.Read(_folder.Write("train.safetensors", _files.Content("train.safetensors")));
        Check.Sample(Gen.Int[0, 1_000_000], seed =>
        {
            using var scope = torch.NewDisposeScope();
            var texts = file.Metadata.ToDictionary();
            texts["state"] = MutatedText(texts["state"], seed);
            SafetensorsFile.Write(_folder.File("sealed.safetensors"), file.Tensors.Keys.Select(name => (name, file.Load(name))), texts);
            OnlyDocumented("training", File.ReadAllBytes(_folder.File("sealed.safetensors")));
        }, iter: 40, threads: 1);
    }

    private static string MutatedText(string text, int seed) =>
        Mutated.Of(Gen.Const(text)).Generate(new PCG((uint)seed), null, out _);

    private void OnlyDocumented(string reader, byte[] content)
    {
        var path = _folder.Write("file", content);
        try
        {
            Files.Readers[reader].Read(path);
        }
        catch (InvalidDataException e)
        {
            Assert.Contains($"'{path}'", e.Message);
        }
        catch (ArgumentException e)
        {
            Assert.Contains("holds a network of search space '", e.Message);
            Assert.Contains($"'{path}'", e.Message);
        }
    }

    private static Gen<byte[]> Bytes(byte[] good) => Gen.Select(
        Gen.Select(Gen.Int[0, 4], Gen.Double.Unit, Gen.Byte.Array[1, 12]).Array[1, 4], changes =>
            changes.Aggregate(good, (content, change) =>
            {
                var (kind, place, bytes) = change;
                var at = (int)(place * content.Length);
                var end = Math.Min(at + bytes.Length, content.Length);
                return kind switch
                {
                    0 => [.. content[..at]],
                    1 => [.. content[..at], .. content[end..]],
                    2 => [.. content[..at], .. bytes, .. content[at..]],
                    3 => [.. content[..(at / 64)], .. bytes, .. content[Math.Min(at / 64 + bytes.Length, content.Length)..]],
                    _ => [.. content[..at], .. bytes, .. content[end..]],
                };
            }));

    /// <summary>A good file for every reader.</summary>
    public sealed class Files : IDisposable
    {
        internal static readonly IReadOnlyDictionary<string, (string Content, Action<string> Read)> Readers =
            new Dictionary<string, (string, Action<string>)>
            {
                ["safetensors"] = ("weights.safetensors", ReadAll),
                ["safetensors of others"] = ("golden", ReadAll),
                ["weights"] = ("weights.safetensors", Build),
                ["weights of ONNX"] = ("model.onnx", Build),
                ["weights of a zip"] = ("model.zip", Build),
                ["ONNX"] = ("model.onnx", path => OnnxMetadata.Read(path)),
                ["zip"] = ("model.zip", path => OnnxMetadata.Read(path)),
                ["training"] = ("train.safetensors", path => Train(path)),
                ["IDX"] = ("images.idx", path => IdxFiles.Read(path, Labels)),
                ["IDX labels"] = ("labels.idx", path => IdxFiles.Read(Images, path)),
                ["IDX in gzip"] = ("images.gz", path => IdxFiles.Read(path, Labels)),
                ["CIFAR-10"] = ("cifar10", path => CifarFiles.Read10(path, CifarPart.Train)),
                ["CIFAR-100"] = ("cifar100", path => CifarFiles.Read100(path, CifarPart.Train)),
            };

        private static readonly TemporaryFolder s_folder = new();
        private readonly Dictionary<string, byte[]> _contents = [];

        public Files()
        {
            var checkpoint = s_folder.File("train.safetensors");
            using (var trained = Train(checkpoint))
            {
                trained.Weights().Save(s_folder.File("weights.safetensors"));
                using var onnx = File.Create(s_folder.File("model.onnx"));
                CellNetOnnx.Write(trained, onnx);
            }
            var model = File.ReadAllBytes(s_folder.File("model.onnx"));
            using (var zip = new ZipArchive(File.Create(s_folder.File("model.zip")), ZipArchiveMode.Create))
            {
                using var entry = zip.CreateEntry("TransformerChain/Transform_000/OnnxModel").Open();
                entry.Write([.. BitConverter.GetBytes(model.Length), .. model]);
            }
            s_folder.Write("images.idx", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 4, .. new byte[32]]);
            s_folder.Write("labels.idx", 0, 0, 8, 1, 0, 0, 0, 2, 0, 1);
            using (var gzip = new GZipStream(File.Create(s_folder.File("images.gz")), CompressionLevel.Optimal))
                gzip.Write(File.ReadAllBytes(Images));
            s_folder.Write("cifar10", new byte[2 * 3073]);
            s_folder.Write("cifar100", new byte[2 * 3074]);
            File.Copy(Golden.File("beta_decay.safetensors"), s_folder.File("golden"));
        }

        private static string Images => s_folder.File("images.idx");

        private static string Labels => s_folder.File("labels.idx");

        public byte[] Content(string name) =>
            _contents.TryGetValue(name, out var content) ? content : _contents[name] = File.ReadAllBytes(s_folder.File(name));

        public void Dispose() => s_folder.Dispose();

        private static void ReadAll(string path)
        {
            using var scope = torch.NewDisposeScope();
            var file = SafetensorsFile.Read(path);
            foreach (var name in file.Tensors.Keys)
                file.Load(name);
        }

        // Weights are compared with their network when it has been built.
        private static void Build(string path)
        {
            var weights = CellNetWeights.Read(path);
            try
            {
                using var network = new CellNet(weights.Genotype, weights.Network, weights.Statistics.Mean.Count, weights.ClassNames.Count);
                weights.CopyTo(network, weights.ClassNames);
            }
            catch (InvalidDataException e)
            {
                Assert.StartsWith("The weights have no '", e.Message);
            }
            catch (ArgumentException e)
            {
                Assert.Contains("operation", e.Message);        // the genotype is of another space
            }
        }

        private static TrainedCellNet Train(string checkpoint) => Toy.Train(Toy.Options with { Epochs = 1 }, checkpoint: checkpoint);
    }
}
