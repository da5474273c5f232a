using Xunit;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.OneShot;

public sealed class OutOfMemoryTests
{
    [Theory]
    [InlineData(SupernetEvaluation.Plain)]
    [InlineData(SupernetEvaluation.Lean)]
    public void A_batch_that_memory_does_not_suffice_for_is_refused_with_a_sentence_and_the_next_one_is_searched_on(
        SupernetEvaluation evaluation)
    {
        using var scope = NewDisposeScope();
        var mask = OperationMask.Full(SearchSpace.Darts);
        var options = new SearchOptions
        {
            Supernet = new() { Channels = 4, Cells = 3, PartialChannels = 1, EdgeNormalization = false }, Evaluation = evaluation,
        };
        using var supernet = new Supernet(mask, options.Supernet, 3, 10);
        using var architecture = new ArchitectureParameters(mask, edgeNormalization: false);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using var step = new BilevelStep(supernet, architecture, options);
        var live = LiveTensors.Count();
        using (NewDisposeScope())
        {
            // One image, seen as many: 12 TB where it is written out.
            const long many = 1L << 30;
            var error = Assert.Throws<InsufficientMemoryException>(() => step.ArchitectureStep(
                zeros(1, 3, 32, 32).expand(many, 3, 32, 32), zeros([1], ScalarType.Int64).expand(many)));
            Assert.Contains($"A search step of {many} images needs more memory than this machine has left", error.Message);
            Assert.Contains("smaller BatchSize", error.Message);
            Assert.Contains("allocate", error.Message);
        }
        Assert.Equal(live, LiveTensors.Count());
        Assert.True(double.IsFinite(step.ArchitectureStep(zeros(4, 3, 16, 16), zeros([4], ScalarType.Int64)).Loss));
    }
}
