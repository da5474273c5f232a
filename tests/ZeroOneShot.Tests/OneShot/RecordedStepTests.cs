using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>Steps that a GPU would record; here work that is done again stands for a graph that is launched again.</summary>
public sealed class RecordedStepTests
{
    [Theory]
    [InlineData("DARTS", "darts")]
    [InlineData("Zero-One-Shot-RND", "darts")]
    [InlineData("PC-DARTS", "darts-s2")]
    [InlineData("beta-DARTS", "nas-bench-201")]
    [InlineData("FairDARTS", "darts")]
    public void A_search_of_recorded_steps_computes_what_it_computes_otherwise(string method, string space)
    {
        var (expected, none) = Steps(method, space, batches: [8, 8, 8], records: false);
        var (found, recorded) = Steps(method, space, batches: [8, 8, 8], records: true);
        Assert.Equal([false, false, false], none);
        Assert.Equal([true, true, true], recorded);
        AssertClose(expected, found);
    }

    [Fact]
    public void The_last_batch_of_an_epoch_has_a_record_of_its_own_and_a_third_size_none()
    {
        var (expected, _) = Steps("DARTS", "darts", batches: [8, 5, 8, 4, 5], records: false);
        var (found, recorded) = Steps("DARTS", "darts", batches: [8, 5, 8, 4, 5], records: true);
        Assert.Equal([true, true, true, false, true], recorded);
        AssertClose(expected, found);
    }

    [Theory]
    [InlineData("GDAS", "darts")]
    [InlineData("DARTS", "darts-s4")]
    public void What_differs_from_step_to_step_is_not_recorded(string method, string space)
    {
        var (expected, _) = Steps(method, space, batches: [8, 8], records: false);
        var (found, recorded) = Steps(method, space, batches: [8, 8], records: true);
        Assert.Equal([false, false], recorded);
        AssertClose(expected, found);
    }

    [Fact]
    public void A_step_that_cannot_be_recorded_is_computed_all_the_same()
    {
        var (expected, _) = Steps("DARTS", "darts", batches: [8, 8], records: false);
        var (found, recorded) = Steps("DARTS", "darts", batches: [8, 8], records: true, recorder: (_, _) => null);
        Assert.Equal([false, false], recorded);
        AssertClose(expected, found);
    }

    private static (double[] Numbers, bool[] Recorded) Steps(
        string method, string space, int[] batches, bool records, RecordedStep.Recorder? recorder = null)
    {
        using var scope = NewDisposeScope();
        var searched = SearchSpace.Named(space);
        var mask = method.EndsWith("RND", StringComparison.Ordinal)
            ? RandomPruning.Mask(searched, 0.5, seed: 1) : OperationMask.Full(searched);
        var options = SearchMethod.Parse(method).Apply(new SearchOptions
        {
            Supernet = new() { Channels = 4, Cells = 3 }, LearningRate = 0.05, Evaluation = SupernetEvaluation.Lean, Seed = 3,
            Gpu = new() { Records = records },
        });
        var shape = new ImageShape(3, 16, 16);
        using var supernet = new Supernet(mask, options.Supernet.WithStem(searched, shape), 3, 4);
        using var architecture = new ArchitectureParameters(mask, options.Supernet.EdgeNormalization, ScalarType.Float64);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(1, "architecture"))
            architecture.Initialize(random, options.Relaxation.InitialScale);
        supernet.to(ScalarType.Float64);
        using var step = new BilevelStep(supernet, architecture, options)
        {
            Order = FeatureOrder.Pixels, Recorder = records ? recorder ?? Again : null,
        };
        using var inputs = RandomStream.Of(1, "images");
        var (numbers, recorded) = (new List<double>(), new List<bool>());
        foreach (var (i, batch) in batches.Index())
        {
            var images = randn([batch, 3, 16, 16], ScalarType.Float64, generator: inputs.Generator);
            var labels = randint(4, batch, generator: inputs.Generator);
            var moment = new SearchMoment(Epoch: 1, Epochs: 2, Step: i);
            numbers.Add(step.ArchitectureStep(images, labels, moment).Loss);
            numbers.Add(step.WeightsStep(images, labels, moment).Loss);
            recorded.Add(step.IsRecorded);
        }
        foreach (var (_, tensor) in step.State())
            numbers.AddRange(tensor.to(ScalarType.Float64).reshape(-1).data<double>().ToArray());
        return ([.. numbers], [.. recorded]);
    }

    private static RecordedWork Again(Action rehearse, Func<IReadOnlyList<Tensor>> work)
    {
        rehearse();
        return new DoneAgain(work);
    }

    private static void AssertClose(double[] expected, double[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-11 * Math.Max(1, Math.Abs(pair.First))));
    }

    /// <summary>Work that is done first when it is repeated, like that of a graph.</summary>
    private sealed class DoneAgain(Func<IReadOnlyList<Tensor>> work) : RecordedWork
    {
        private IReadOnlyList<Tensor> _results = [];

        public override IReadOnlyList<Tensor> Results => _results;

        public override void Repeat()
        {
            Dispose();
            using var _ = enable_grad();
            _results = work();
        }

        public override void Dispose()
        {
            foreach (var result in _results)
                result.Dispose();
        }
    }
}
