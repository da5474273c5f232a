using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.Onnx;
using static ZeroOneShot.Onnx.TensorProto.Types;

namespace ZeroOneShot.Tests.Onnx;

public sealed class OnnxMetadataTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Texts_come_back_from_a_stream_and_from_a_file()
    {
        var model = Model(("genotype", "{\"normal\": []}"), ("dataset", "Fähren"), ("empty", ""));
        var texts = OnnxMetadata.Read(new MemoryStream(model));
        Assert.Equal(("{\"normal\": []}", "Fähren", "", 3), (texts["genotype"], texts["dataset"], texts["empty"], texts.Count));
        File.WriteAllBytes(_folder.File("a.onnx"), model);
        Assert.Equal(texts, OnnxMetadata.Read(_folder.File("a.onnx")));
    }

    [Fact]
    public void A_model_without_texts_gives_none() => Assert.Empty(OnnxMetadata.Read(new MemoryStream(Model())));

    [Fact]
    public void ML_NET_scores_the_model_names_its_slots_and_keeps_its_texts_through_save_and_load()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable([new Row { Features = [1, -2, 3] }]);
        var pipeline = ml.Transforms.ApplyOnnxModel("Logits", "Features", new MemoryStream(Model(("genotype", "g"))));
        ITransformer loaded;
        using (var fitted = pipeline.Fit(data))
        {
            ml.Model.Save(fitted, data.Schema, _folder.File("a.zip"));
            loaded = ml.Model.Load(_folder.File("a.zip"), out _);
        }
        using var disposable = loaded as IDisposable;
        Assert.Equal("g", OnnxMetadata.Read(_folder.File("a.zip"))["genotype"]);

        var column = loaded.Transform(data).Schema["Logits"];
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetSlotNames(ref names);
        Assert.Equal(["plane", "car", "bird"], names.DenseValues().Select(n => n.ToString()));
        Assert.Equal([1f, 0f, 3f], loaded.Transform(data).GetColumn<float[]>("Logits").Single());
    }

    [Fact]
    public void Of_several_models_in_a_zip_the_last_with_texts_is_read()
    {
        WriteZip(
            ("TransformerChain/Transform_000/OnnxModel", Prefixed(Model(("genotype", "of another")))),
            ("TransformerChain/Transform_001/OnnxModel", Prefixed(Model(("genotype", "ours")))),
            ("TransformerChain/Transform_002/OnnxModel", Prefixed(Model())));
        Assert.Equal("ours", OnnxMetadata.Read(_folder.File("a.zip"))["genotype"]);
    }

    [Fact]
    public void A_zip_without_an_ONNX_model_is_refused()
    {
        WriteZip(("Version.txt", [1]));
        var error = Assert.Throws<InvalidDataException>(() => OnnxMetadata.Read(_folder.File("a.zip")));
        Assert.Contains($"'{_folder.File("a.zip")}' is a zip without an ONNX model", error.Message);
    }

    [Fact]
    public void A_model_cut_short_in_a_zip_is_refused()
    {
        WriteZip(("x/OnnxModel", Prefixed(Model())[..^5]));
        Assert.Contains("'x/OnnxModel'", Assert.Throws<InvalidDataException>(() => OnnxMetadata.Read(_folder.File("a.zip"))).Message);
        WriteZip(("x/OnnxModel", [1, 2]));
        Assert.Contains("'x/OnnxModel'", Assert.Throws<InvalidDataException>(() => OnnxMetadata.Read(_folder.File("a.zip"))).Message);
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 1, 2, 3 })]
    [InlineData(new byte[] { 8, 8 })]
    [InlineData(new byte[] { (byte)'P', (byte)'K', 3, 4, 0, 0 })]
    [InlineData(new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10 })]
    public void A_file_that_is_neither_is_refused_by_name(byte[] content)
    {
        File.WriteAllBytes(_folder.File("a"), content);
        var error = Assert.Throws<InvalidDataException>(() => OnnxMetadata.Read(_folder.File("a")));
        Assert.Contains($"'{_folder.File("a")}'", error.Message);
        Assert.Contains("Expected an ONNX model (.onnx), or an ML.NET model (.zip)", error.Message);
    }

    [Fact]
    public void A_model_cut_short_is_refused()
    {
        var model = Model(("k", "v"));
        Assert.Throws<InvalidDataException>(() => OnnxMetadata.Read(new MemoryStream(model[..(model.Length / 2)])));
    }

    private static byte[] Model(params (string Key, string Value)[] texts)
    {
        var graph = new OnnxGraph();
        var x = graph.Input("Features", DataType.Float, OnnxGraph.Batch, 3);
        graph.Output(graph.Reshape(graph.Relu(x), 3), "Logits", DataType.Float, 3);
        graph.SlotNames("Logits", ["plane", "car", "bird"]);
        foreach (var (key, value) in texts)
            graph.Metadata(key, value);
        using var stream = new MemoryStream();
        graph.Write(stream, "test", "ZeroOneShot", "0.1.0");
        return stream.ToArray();
    }

    private static byte[] Prefixed(byte[] model) => [.. BitConverter.GetBytes(model.Length), .. model];

    private void WriteZip(params (string Name, byte[] Content)[] entries)
    {
        using var zip = new ZipArchive(File.Create(_folder.File("a.zip")), ZipArchiveMode.Create);
        foreach (var (name, content) in entries)
        {
            using var stream = zip.CreateEntry(name).Open();
            stream.Write(content);
        }
    }

    private sealed class Row
    {
        [VectorType(3)]
        public float[] Features { get; set; } = [];
    }
}
