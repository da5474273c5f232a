using Xunit;
using ZeroOneShot.Layers;
using ZeroOneShot.Models;
using ZeroOneShot.Networks;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tests.Training;

/// <summary>Weights of spaces other than DARTS: they say which, and are read with that space alone.</summary>
public sealed class WeightsOfOtherSpacesTests : IDisposable
{
    private const string Cheapest = "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|";

    private static readonly SearchSpace s_twoParts = new("two-parts", new CellTopology(nodes: 2), SearchSpace.Darts.Operations,
        macro: new MacroArchitecture(
            [
                new Stem("two", [[new Convolution(3) { OutputDivisor = 2 }, new BatchNorm()],
                    [new Relu(), new Convolution(3), new BatchNorm()]], multiplier: 2),
            ],
            MacroArchitecture.Darts.Items));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|")]
    [InlineData(Cheapest)]
    public void A_network_of_nas_bench_201_comes_back_from_a_file_of_weights_and_from_an_onnx_model(string genotype)
    {
        using var trained = Train(SearchSpace.NasBench201, Genotype.Parse(genotype));
        foreach (var file in Files(trained))
        {
            var weights = CellNetWeights.Read(file, SearchSpace.NasBench201);
            Assert.Equal((trained.Network.Genotype, SearchSpace.NasBench201), (weights.Genotype, weights.Space));
            using var continued = Continue(weights);
            Assert.Equal(Parameters(trained), Parameters(continued));
        }
    }

    [Fact]
    public void A_network_with_a_stem_of_two_parts_comes_back()
    {
        CellGenotype cell = new([new("skip_connect", 0), new("sep_conv_3x3", 1), new("max_pool_3x3", 0), new("skip_connect", 2)]);
        using var trained = Train(s_twoParts, new Genotype(cell, cell));
        foreach (var file in Files(trained))
        {
            using var continued = Continue(CellNetWeights.Read(file, s_twoParts));
            Assert.Equal(Parameters(trained), Parameters(continued));
        }
    }

    [Fact]
    public void Weights_of_another_space_are_refused_with_the_names_of_both()
    {
        using var trained = Train(SearchSpace.NasBench201, Genotype.Parse(Cheapest));
        foreach (var file in Files(trained))
        {
            Assert.Contains($"'{file}' holds a network of search space 'nas-bench-201', and the space given is 'darts'; give that space.",
                Assert.Throws<ArgumentException>(() => CellNetWeights.Read(file, SearchSpace.Darts)).Message);
            // A space of the library is found by its name.
            Assert.Equal(SearchSpace.NasBench201, CellNetWeights.Read(file).Space);
        }
    }

    [Fact]
    public void An_old_file_that_says_nothing_of_its_space_is_of_darts()
    {
        using var trained = Toy.Train(Toy.Options with { Epochs = 1 });
        trained.Weights().Save(_folder.File("new"));
        var file = SafetensorsFile.Read(_folder.File("new"));
        Assert.Equal("darts", file.Metadata[CellNetOnnx.SearchSpaceKey]);
        SafetensorsFile.Write(_folder.File("old"), file.Tensors.Keys.Select(name => (name, file.Load(name))),
            file.Metadata.Where(text => text.Key != CellNetOnnx.SearchSpaceKey).ToDictionary());
        Assert.Equal(SearchSpace.Darts, CellNetWeights.Read(_folder.File("old")).Space);
        Assert.Contains("of search space 'darts', and the space given is 'nas-bench-201'",
            Assert.Throws<ArgumentException>(() => CellNetWeights.Read(_folder.File("old"), SearchSpace.NasBench201)).Message);
    }

    [Theory]
    [InlineData("""{"Channels":4096,"Cells":3}""", "bytes of weights can make")]
    [InlineData("""{"Channels":200,"Cells":3}""", "bytes of weights can make")]
    [InlineData("""{"Channels":4,"Cells":1024}""", "bytes of weights can make")]
    [InlineData("""{"Channels":4,"Cells":1000000000}""", "Cells is 1000000000; expected 1 to 1024")]
    [InlineData("""{"Channels":1000000000,"Cells":3}""", "Channels is 1000000000; expected 2 to 4096")]
    [InlineData("""{"Channels":4,"Cells":3,"StemMultiplier":1000000000}""", "StemMultiplier is 1000000000; expected 1 to 64")]
    public void A_network_of_nas_bench_201_larger_than_its_weights_is_refused_before_it_is_built(string network, string message)
    {
        using var trained = Train(SearchSpace.NasBench201, Genotype.Parse(Cheapest));
        var file = SafetensorsFile.Read(Files(trained)[0]);
        var texts = file.Metadata.ToDictionary();
        texts["network"] = network;
        SafetensorsFile.Write(_folder.File("large"), file.Tensors.Keys.Select(name => (name, file.Load(name))), texts);
        Assert.Contains(message, Assert.Throws<InvalidDataException>(
            () => CellNetWeights.Read(_folder.File("large"), SearchSpace.NasBench201)).Message);
    }

    private static TrainedCellNet Train(SearchSpace space, Genotype genotype) => CellNetTraining.Train(
        Toy.Images, genotype, Toy.Options with { Epochs = 1, Network = new CellNetOptions { Channels = 4, Cells = 3 } },
        space: space, cancellationToken: TestContext.Current.CancellationToken);

    private static TrainedCellNet Continue(CellNetWeights weights) => CellNetTraining.Continue(
        Toy.Images, weights, Toy.Options with { Epochs = 1, LearningRate = 0, WeightDecay = 0 },
        cancellationToken: TestContext.Current.CancellationToken);

    private string[] Files(TrainedCellNet trained)
    {
        string[] files = [_folder.File("net.safetensors"), _folder.File("net.onnx")];
        trained.Weights().Save(files[0]);
        using var stream = File.Create(files[1]);
        CellNetOnnx.Write(trained, stream);
        return files;
    }

    private static IEnumerable<(string Name, byte[] Bytes)> Parameters(TrainedCellNet trained) =>
        trained.Network.named_parameters().Select(p => (p.name, p.parameter.detach().contiguous().bytes.ToArray()));
}
