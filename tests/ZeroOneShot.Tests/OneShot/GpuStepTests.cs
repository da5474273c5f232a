using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>
/// Steps in libtorch's order, as on a GPU, where every number that is read is a wait; <see cref="HostRead"/> counts them.
/// </summary>
public sealed class GpuStepTests
{
    private static readonly OperationMask s_half = RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 3);

    public static TheoryData<string> Methods =>
        [.. SearchMethod.All.Where(method => method is { Pruning: not PruningKind.ZeroShotToGenotype, Search: SearchKind.OneShot })
            .Select(method => method.Name)];

    /// <summary>
    /// Mixing weights when it begins (GDAS: also what it samples for both kinds of cells), all products and sums together when it ends,
    /// then loss and hits.
    /// </summary>
    [Theory]
    [MemberData(nameof(Methods))]
    public void A_lean_architecture_step_waits_for_the_device_three_times_however_many_products_it_takes(string method)
    {
        var sampled = method == "GDAS" ? 2 : 0;
        Assert.Equal(3 + sampled, Reads(method, SupernetEvaluation.Lean, (step, images, labels) => step.ArchitectureStep(images, labels)));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_lean_weights_step_waits_for_the_device_twice(string method)
    {
        var sampled = method == "GDAS" ? 2 : 0;
        Assert.Equal(2 + sampled, Reads(method, SupernetEvaluation.Lean, (step, images, labels) => step.WeightsStep(images, labels)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_plain_step_waits_for_the_device_once(bool weights) => Assert.Equal(1, Reads(
        "DARTS", SupernetEvaluation.Plain,
        (step, images, labels) => _ = weights ? step.WeightsStep(images, labels) : step.ArchitectureStep(images, labels)));

    [Fact]
    public void A_training_step_waits_for_the_device_once_though_its_gradient_is_accumulated_over_parts_of_weighted_classes()
    {
        using var scope = NewDisposeScope();
        var options = new TrainingOptions
        {
            Network = new() { Channels = 4, Cells = 3, AuxiliaryHead = false }, ClassWeighting = ClassWeighting.Balanced,
        };
        using var network = new CellNet(PublishedGenotypes.DartsV2, options.Network, 3, 4);
        network.train();
        using var step = new TrainingStep(network, options, [3, 2, 2, 1], plain: true, partSize: 3) { LearningRate = 0.1 };
        using var random = RandomStream.Of(1, "drop path");
        var before = HostRead.Count;
        step.Take(Images(), Labels(), dropPath: 0.2, random);
        Assert.Equal(1, HostRead.Count - before);
    }

    [Fact]
    public void Batches_come_to_the_device_that_computes()
    {
        using var scope = NewDisposeScope();
        // The meta device stands for a GPU: its tensors are shapes.
        var meta = new Device(DeviceType.META);
        var images = RandomImages.Of(20, 4, new ImageShape(3, 8, 8));
        using var stream = new BatchStream(images, 5, new Augmentation(), images.Statistics(), 1, "batches", meta, keepLast: false);
        var (pixels, labels) = stream.Batch(0);
        Assert.Equal((DeviceType.META, DeviceType.META), (pixels.device_type, labels.device_type));
        Assert.Equal([5, 3, 8, 8], pixels.shape);
    }

    private static long Reads(string method, SupernetEvaluation evaluation, Action<BilevelStep, Tensor, Tensor> act)
    {
        using var scope = NewDisposeScope();
        var options = SearchMethod.Parse(method).Apply(new SearchOptions
        {
            Supernet = new() { Channels = 4, Cells = 3 }, Evaluation = evaluation,
        });
        using var supernet = new Supernet(s_half, options.Supernet, 3, 4);
        using var architecture = new ArchitectureParameters(s_half, options.Supernet.EdgeNormalization);
        using var step = new BilevelStep(supernet, architecture, options) { Order = FeatureOrder.Pixels };
        var before = HostRead.Count;
        act(step, Images(), Labels());
        return HostRead.Count - before;
    }

    private static Tensor Images() => zeros([8, 3, 16, 16]);

    private static Tensor Labels() => zeros([8], ScalarType.Int64);
}
