using CsCheck;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Models;
using ZeroOneShot.Networks;
using ZeroOneShot.Onnx;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Onnx;
using ZeroOneShot.Tests.PublicCode;
using ZeroOneShot.Tests.SearchSpaces;
using static TorchSharp.torch;
using static ZeroOneShot.Onnx.TensorProto.Types;

namespace ZeroOneShot.Tests.Models;

/// <summary>What ONNX Runtime makes of our files is what TorchSharp makes of the same weights.</summary>
public sealed class CellNetOnnxTests
{
    private const double Tolerance = 1e-4;

    public static TheoryData<string> Recordings => Recording.Cases("cellnet_*.safetensors");

    public static TheoryData<string, int, bool> Operations => new(
        from operation in SearchSpace.Darts.Operations
        from stride in (int[])[1, 2]
        from affine in (bool[])[true, false]
        select (operation.Name, stride, affine));

    [Theory]
    [MemberData(nameof(Operations))]
    public void Every_operation_computes_the_same(string name, int stride, bool affine)
    {
        using var scope = NewDisposeScope();
        using var module = LayerModules.Build(SearchSpace.Darts.Operation(name).Layers(stride), 6, 6, affine);
        Randomize(module, seed: 1);
        foreach (var (height, width) in ((int, int)[])[(8, 8), (9, 12), (7, 7)])
        {
            var images = randn([3, 6, height, width], generator: new Generator(2));
            var graph = new OnnxGraph();
            var (layers, size) = (SearchSpace.Darts.Operation(name).Layers(stride), new FeatureSize(6, height, width));
            var x = graph.Input("x", DataType.Float, OnnxGraph.Batch, 6, height, width);
            var made = layers.Output(size, 6);
            graph.Output(graph.Export(x, size, layers, module, 6), "y", DataType.Float, OnnxGraph.Batch, 6, made.Height, made.Width);
            using var stream = new MemoryStream();
            graph.Write(stream, "operation", "tests", "1");
            var expected = module.forward(images);
            var actual = OnnxInference.Run(stream.ToArray(), images);
            Assert.Equal(expected.shape, actual.shape);
            Assert.InRange((expected - actual).abs().max().item<float>(), 0, Tolerance);
        }
    }

    [Theory]
    [MemberData(nameof(Recordings))]
    public void A_network_of_the_public_code_computes_the_same(string file)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording(file);
        using var network = CellNetAgreementTests.Network(recording, ScalarType.Float32);
        network.eval();
        var images = recording.Input("images", ScalarType.Float32);
        var logits = OnnxInference.Run(Write(network, images), images);
        AssertSame(recording.Expected("eval/logits"), logits, file);
    }

    [Fact]
    public void Networks_of_random_genotypes_compute_the_same()
    {
        var largest = 0.0;
        Gen.Select(Generated.Genotype, Gen.Int[1, 3], Gen.Int[3, 4], Gen.Int[16, 21], Gen.Int[16, 21], Gen.Bool, Gen.OneOf(1, 3), Gen.Int)
            .Sample((genotype, halfChannels, cells, height, width, affine, inputChannels, seed) =>
            {
                using var scope = NewDisposeScope();
                var options = new CellNetOptions
                {
                    Channels = 2 * halfChannels, Cells = cells, AffineOperations = affine, AuxiliaryHead = seed % 2 == 0,
                };
                using var network = new CellNet(genotype, options, inputChannels, classes: 5);
                Randomize(network, seed);
                var images = randn([4, inputChannels, height, width], generator: new Generator((ulong)(uint)seed));
                largest = Math.Max(largest,
                    AssertSame(network.forward(images), OnnxInference.Run(Write(network, images), images), genotype.ToString()));
            }, iter: 100, threads: 1);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"100 random genotypes: largest difference {largest:0.0e+00}, bound {Tolerance:0e+00}");
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(80, 112)]
    [InlineData(131, 65)]
    [InlineData(16, 97)]
    public void Networks_behind_the_stem_for_ImageNet_compute_the_same(int height, int width)
    {
        using var scope = NewDisposeScope();
        var options = new CellNetOptions { Channels = 4, Cells = 4, Stem = "imagenet" };
        using var network = new CellNet(PublishedGenotypes.PcDartsCifar, options, inputChannels: 3, classes: 5);
        Randomize(network, seed: 3);
        var images = randn([4, 3, height, width], generator: new Generator(3));
        AssertSame(network.forward(images), OnnxInference.Run(Write(network, images), images), $"{height} x {width}");
    }

    [Theory]
    [InlineData(false, 1f)]
    [InlineData(false, 255f)]
    [InlineData(true, 1f)]
    public void The_normalisation_is_part_of_the_model(bool bytes, float scale)
    {
        using var scope = NewDisposeScope();
        using var network = new CellNet(
            PublishedGenotypes.DartsV1, new CellNetOptions { Channels = 4, Cells = 3 }, inputChannels: 3, classes: 5);
        Randomize(network, seed: 3);
        var pixels = randint(256, [4, 3, 16, 16], ScalarType.Byte, generator: new Generator(4));
        var given = bytes ? pixels : pixels.to(ScalarType.Float32) / scale;
        var expected = nn.functional.softmax(network.forward(ChannelStatistics.Cifar10.Normalize(pixels)), -1);
        using var stream = new MemoryStream();
        CellNetOnnx.Write(network, ChannelStatistics.Cifar10, new ImageShape(3, 16, 16), ["a", "b", "c", "d", "e"], stream,
            new CellNetOnnxOptions { ByteInput = bytes, InputScale = scale });
        AssertSame(expected, OnnxInference.Run(stream.ToArray(), given), "normalisation");
    }

    [Fact]
    public void Statistics_or_images_of_other_channels_than_the_network_are_refused()
    {
        using var network = new CellNet(
            PublishedGenotypes.DartsV1, new CellNetOptions { Channels = 4, Cells = 3 }, inputChannels: 1, classes: 2);
        using var stream = new MemoryStream();
        Assert.Contains("3 channels", Assert.Throws<ArgumentException>(() =>
            CellNetOnnx.Write(network, ChannelStatistics.Cifar10, new ImageShape(1, 16, 16), ["a", "b"], stream)).Message);
        Assert.Contains("3x16x16", Assert.Throws<ArgumentException>(() =>
            CellNetOnnx.Write(network, new ChannelStatistics([0], [1]), new ImageShape(3, 16, 16), ["a", "b"], stream)).Message);
    }

    /// <summary>The model of a network on images that are normalised already.</summary>
    private static byte[] Write(CellNet network, Tensor images)
    {
        var channels = network.InputChannels;
        var none = new ChannelStatistics(new float[channels], [.. Enumerable.Repeat(1f, channels)]);
        using var stream = new MemoryStream();
        CellNetOnnx.Write(network, none, new ImageShape(channels, (int)images.shape[2], (int)images.shape[3]),
            [.. Enumerable.Range(0, network.Classes).Select(i => $"{i}")], stream,
            new CellNetOnnxOptions { InputScale = 255, Softmax = false });
        return stream.ToArray();
    }

    private static double AssertSame(Tensor expected, Tensor actual, string what)
    {
        var difference = (expected - actual).abs().max().to(ScalarType.Float64).item<double>();
        Assert.True(difference <= Tolerance, $"{what}: largest difference {difference:0.0e+00}");
        Assert.Equal(expected.argmax(1).data<long>().ToArray(), actual.argmax(1).data<long>().ToArray());
        return difference;
    }

    // Drawn weights, and statistics and affine parameters as training might leave them.
    private static void Randomize(nn.Module module, int seed)
    {
        using (var random = RandomStream.Of(seed, "weights"))
            Initialization.Default(module, random);
        using var statistics = RandomStream.Of(seed, "statistics");
        using var _ = no_grad();
        foreach (var norm in module.modules().OfType<BatchNormModule>())
        {
            norm.Weight?.uniform_(0.5, 1.5, statistics.Generator);
            norm.Bias?.uniform_(-0.5, 0.5, statistics.Generator);
            norm.RunningMean.uniform_(-0.2, 0.2, statistics.Generator);
            norm.RunningVariance.uniform_(0.5, 1.5, statistics.Generator);
        }
        module.eval();
    }
}
