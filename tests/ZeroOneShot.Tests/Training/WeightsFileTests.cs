using System.IO.Compression;
using System.Text;
using Xunit;
using ZeroOneShot.Models;
using ZeroOneShot.Onnx;
using ZeroOneShot.Persistence;
using ZeroOneShot.Training;
using static ZeroOneShot.Onnx.TensorProto.Types;

namespace ZeroOneShot.Tests.Training;

/// <summary>Files of weights: told apart whatever their length, and refused where their tensors are not what they say.</summary>
public sealed class WeightsFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder.File("weights.safetensors");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Weights_come_back_whatever_the_length_of_the_header()
    {
        using var trained = Toy.Train(Toy.Options with { Epochs = 1 });
        var first = new HashSet<byte>();
        for (var length = 0; length < 256; length += 8)
        {
            trained.Weights(new Dictionary<string, string> { ["note"] = new('n', length) }).Save(Path);
            first.Add(File.ReadAllBytes(Path)[0]);
            Assert.Equal(length, CellNetWeights.Read(Path).Metadata["note"].Length);
        }
        Assert.Equal(256 / 8, first.Count);                 // this library fills headers up to a multiple of eight
    }

    [Fact]
    public void A_safetensors_file_is_taken_for_one_whatever_the_length_of_its_header()
    {
        for (var length = 2; length < 2 + 256; length++)
        {
            _folder.Write("a", [.. BitConverter.GetBytes((long)length), .. Encoding.ASCII.GetBytes("{}".PadRight(length))]);
            Assert.Contains($"'{_folder.File("a")}' has no checksum", Fails(_folder.File("a")));
        }
        // Begins as a zip does.
        using (var file = File.Create(_folder.File("zip")))
        {
            file.Write([(byte)'P', (byte)'K', 3, 4, 0, 0, 0, 0, (byte)'{', (byte)'}']);
            file.Write(Enumerable.Repeat((byte)' ', 0x04034B50 - 2).ToArray());
        }
        Assert.Contains("has no checksum", Fails(_folder.File("zip")));
    }

    [Theory]
    [InlineData("o-short.onnx", "'classifier.weight'")]
    [InlineData("o-w-lie.onnx", "bytes are needed")]
    public void A_model_whose_tensor_has_not_the_size_it_says_is_refused_with_the_tensor_named(string name, string message)
    {
        var path = System.IO.Path.Combine(Repository.Root, "tests", "cases", name);
        var error = Fails(path);
        Assert.Matches(@"Tensor '\S+' of '\S+' has the shape \[.*\], for which \d+ bytes are needed, and \d+ bytes\.", error);
        Assert.Contains($"'{path}'", error);
        Assert.Contains(message, error);
    }

    [Theory]
    [InlineData(new long[] { 3, -1 }, "there are no bytes")]
    [InlineData(new long[] { long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue }, "bytes are needed")]
    [InlineData(new long[] { 1L << 62, 4 }, "bytes are needed")]
    [InlineData(new long[] { 2 }, "8 bytes are needed, and 12 bytes")]
    public void Dimensions_that_cannot_be_are_refused(long[] shape, string message)
    {
        var tensor = new TensorProto { Name = "w", DataType = (int)DataType.Float,
            RawData = Google.Protobuf.ByteString.CopyFrom(new byte[12]) };
        tensor.Dims.AddRange(shape);
        Assert.Contains($"Tensor 'w' of '{Onnx(tensor)}'", Fails(Onnx(tensor)));
        Assert.Contains(message, Fails(Onnx(tensor)));
    }

    [Fact]
    public void Values_in_another_file_are_refused()
    {
        var external = new TensorProto { Name = "w", DataType = (int)DataType.Float, DataLocation = 1 };
        external.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "/etc/passwd" });
        Assert.Contains("Tensor 'w' of", Fails(Onnx(external)));
        Assert.Contains("values in another file", Fails(Onnx(external)));
    }

    [Fact]
    public void A_model_that_another_program_has_saved_anew_is_refused_as_one_without_a_checksum()
    {
        using var trained = Toy.Train(Toy.Options with { Epochs = 1 });
        using var stream = new MemoryStream();
        CellNetOnnx.Write(trained, stream);
        var path = _folder.Write("model.onnx", stream.ToArray());
        Assert.Equal(trained.Network.Genotype, CellNetWeights.Read(path).Genotype);
        var model = ModelProto.Parser.ParseFrom(stream.ToArray());
        foreach (var key in (string[])["zerooneshot.sha256", "zerooneshot.format"])
            model.MetadataProps.Remove(model.MetadataProps.Single(text => text.Key == key));
        _folder.Write("model.onnx", Google.Protobuf.MessageExtensions.ToByteArray(model));
        Assert.Contains($"'{path}' has no checksum", Fails(path));
        Assert.DoesNotContain("zerooneshot.sha256", OnnxMetadata.Read(path).Keys);
    }

    [Fact]
    public void A_network_larger_than_its_weights_is_refused_before_it_is_built()
    {
        using var trained = Toy.Train(Toy.Options with { Epochs = 1 });
        trained.Weights().Save(Path);
        foreach (var network in (string[])["""{"Channels":1000000000}""", """{"Cells":1000000000}""", """{"Channels":-1}""", "{"])
        {
            var file = SafetensorsFile.Read(Path);
            var texts = file.Metadata.ToDictionary();
            texts["network"] = network;
            SafetensorsFile.Write(_folder.File("large"), file.Tensors.Keys.Select(name => (name, file.Load(name))), texts);
            Assert.Contains($"'{_folder.File("large")}'", Fails(_folder.File("large")));
        }
    }

    [Fact]
    public void A_network_of_one_class_is_refused()
    {
        using var trained = Toy.Train(Toy.Options with { Epochs = 1 });
        trained.Weights().Save(Path);
        var file = SafetensorsFile.Read(Path);
        var texts = file.Metadata.ToDictionary();
        texts["class_names"] = """["only"]""";
        SafetensorsFile.Write(_folder.File("one"), file.Tensors.Keys.Select(name => (name, file.Load(name))), texts);
        var error = Fails(_folder.File("one"));
        Assert.Contains($"'{_folder.File("one")}'", error);
        Assert.Contains("1 classes apart; expected at least 2", error);
    }

    [Fact]
    public void A_zip_that_unpacks_to_gigabytes_of_texts_is_refused_before_it_is_unpacked()
    {
        var path = _folder.File("bomb.zip");
        using (var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create))
        {
            using var entry = zip.CreateEntry("x/OnnxModel", CompressionLevel.Fastest).Open();
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 80; i++)
                entry.Write(zeros);
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("expected at most 100 times as many", Fails(path));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    private string Onnx(TensorProto tensor)
    {
        var model = new ModelProto { IrVersion = 8, Graph = new GraphProto() };
        model.Graph.Initializer.Add(tensor);
        using var stream = new MemoryStream();
        OnnxFiles.Write(model, stream);
        return _folder.Write("a.onnx", stream.ToArray());
    }

    private static string Fails(string path) => Assert.Throws<InvalidDataException>(() => CellNetWeights.Read(path)).Message;
}
