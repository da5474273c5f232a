using System.Text;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Models;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>The exported network as users of ONNX see it: ONNX Runtime, and the onnx package of Python where there is one.</summary>
public sealed class OnnxExportTests(TrainedModel trained) : IClassFixture<TrainedModel>
{
    private const string NoPython = "Needs python3 with the package onnx (Debian: apt-get install python3-onnx).";

    public static TheoryData<string> Genotypes => [.. PublishedGenotypes.ByName.Keys];

    public static bool HasPythonOnnx => PythonOnnx.IsInstalled;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void ONNX_Runtime_scores_raw_pixels_in_batches_of_any_size_as_the_model_does(int batch)
    {
        using var session = new InferenceSession(Exported());
        var images = Toy.Images();
        var pixels = Enumerable.Range(0, batch).SelectMany(i => images.Pixels(i).ToArray().Select(pixel => (float)pixel)).ToArray();
        using var input = OrtValue.CreateTensorValueFromMemory(pixels, [batch, 3, Toy.Side, Toy.Side]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["Features"], [input], ["Score"]);
        Assert.Equal([batch, 3], outputs[0].GetTensorTypeAndShape().Shape);
        var expected = trained.Model.Transform(trained.Data).GetColumn<float[]>("Score").Take(batch).SelectMany(scores => scores);
        Assert.All(expected.Zip(outputs[0].GetTensorDataAsSpan<float>().ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        Assert.Equal(Toy.ClassNames, JsonSerializer.Deserialize<string[]>(session.ModelMetadata.CustomMetadataMap["class_names"])!);
    }

    [Fact]
    public void The_stream_is_left_open_and_the_file_is_the_same()
    {
        using var stream = new MemoryStream();
        trained.Model.LastTransformer.ExportOnnx(stream);
        Assert.True(stream.CanWrite);
        trained.Model.LastTransformer.ExportOnnx(Path.Combine(trained.Folder, "same.onnx"));
        Assert.Equal(stream.ToArray(), File.ReadAllBytes(Path.Combine(trained.Folder, "same.onnx")));
    }

    [Fact(SkipUnless = nameof(HasPythonOnnx), Skip = NoPython)]
    public void Python_finds_the_exported_model_valid_with_normalisation_open_batch_and_class_names()
    {
        var path = Path.Combine(trained.Folder, "exported.onnx");
        trained.Model.LastTransformer.ExportOnnx(path);
        var judged = PythonOnnx.Judge(path);
        Assert.Equal(17, Assert.Single(judged.Opset, opset => opset.Key == "").Value);
        Assert.Equal("[\"batch\",3,16,16]", JsonSerializer.Serialize(judged.Input));
        Assert.Equal("[\"batch\",3]", JsonSerializer.Serialize(judged.Output));
        Assert.Equal(Toy.ClassNames, JsonSerializer.Deserialize<string[]>(judged.Metadata["class_names"])!);
        Assert.Equal(trained.Model.LastTransformer.Genotype, Genotype.Parse(judged.Metadata["genotype"]));
        Assert.Empty(judged.Unknown);
    }

    [Theory(SkipUnless = nameof(HasPythonOnnx), Skip = NoPython)]
    [MemberData(nameof(Genotypes))]
    public void Python_finds_the_network_of_every_published_genotype_valid(string name)
    {
        var options = new CellNetOptions { Channels = 4, Cells = 4 };
        using var network = new CellNet(PublishedGenotypes.ByName[name], options, inputChannels: 1, classes: 5);
        network.eval();
        var path = Path.Combine(trained.Folder, $"{name}.onnx");
        using (var file = File.Create(path))
        {
            CellNetOnnx.Write(network, new ChannelStatistics([0.3f], [0.2f]), new ImageShape(1, 28, 28), ["a", "b", "c", "d", "e"], file,
                new CellNetOnnxOptions { ByteInput = true });
        }
        var judged = PythonOnnx.Judge(path);
        Assert.Equal("[\"batch\",5]", JsonSerializer.Serialize(judged.Output));
        Assert.Empty(judged.Unknown);
    }

    [Fact(SkipUnless = nameof(HasPythonOnnx), Skip = NoPython)]
    public void Python_refuses_what_is_no_valid_model()
    {
        var model = Exported();
        File.WriteAllBytes(Path.Combine(trained.Folder, "cut.onnx"), model[..(model.Length / 2)]);
        Assert.Throws<InvalidDataException>(() => PythonOnnx.Judge(Path.Combine(trained.Folder, "cut.onnx")));
    }

    [Fact]
    public void The_search_info_is_the_same_in_the_zip_the_ONNX_file_and_a_zip_that_another_application_has_saved()
    {
        var network = trained.Model.LastTransformer;
        var onnx = Path.Combine(trained.Folder, "info.onnx");
        network.ExportOnnx(onnx);
        var data = Path.Combine(trained.Folder, "info.idv");
        using (var stream = File.Create(data))
            trained.ML.Data.SaveAsBinary(trained.Data, stream);
        var again = Path.Combine(trained.Folder, "info-again.zip");
        Consumer.Run(trained.Zip, data, again);
        Consumer.Run(again, data, Path.Combine(trained.Folder, "info-third.zip"));
        foreach (var file in new[] { trained.Zip, onnx, again, Path.Combine(trained.Folder, "info-third.zip") })
        {
            var info = trained.ML.Model.ReadSearchInfo(file, Toy.Space);
            Assert.Equal((network.Genotype, network.Mask, network.Method), (info.Genotype, info.Mask, info.Method));
            Assert.Equal(Toy.ClassNames, info.ClassNames);
            Assert.StartsWith("0.1.0", info.LibraryVersion);
            using var settings = JsonDocument.Parse(info.Settings);
            Assert.Equal(["prune", "search", "train"], settings.RootElement.EnumerateObject().Select(stage => stage.Name).Order());
            Assert.Equal(Toy.BatchSize, settings.RootElement.GetProperty("train").GetProperty("batch_size").GetInt32());
        }
    }

    [Theory]
    [InlineData("[\"bars\"", "[ bars\"")]
    public void Metadata_that_somebody_has_changed_are_refused(string text, string changed)
    {
        var file = Encoding.Latin1.GetString(Exported());
        Assert.Contains(text, file);
        var error = Assert.Throws<InvalidDataException>(
            () => SearchInfo.Read(new MemoryStream(Encoding.Latin1.GetBytes(file.Replace(text, changed))), Toy.Space));
        Assert.StartsWith("The stream is damaged", error.Message);
    }

    private byte[] Exported()
    {
        using var stream = new MemoryStream();
        trained.Model.LastTransformer.ExportOnnx(stream);
        return stream.ToArray();
    }
}
