using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>Lean or plain: by choice, or by what takes less time on the device.</summary>
public sealed class EvaluationChoiceTests
{
    private static readonly SearchOptions s_onGpu = new() { Device = "cuda:1" };

    [Theory]
    [InlineData(0.25, 0.5, SupernetEvaluation.Lean)]
    [InlineData(0.5, 0.25, SupernetEvaluation.Plain)]
    public void On_a_GPU_the_faster_way_is_taken_and_both_times_are_said(double lean, double plain, SupernetEvaluation expected)
    {
        var choice = EvaluationChoice.For(s_onGpu, evaluation => evaluation == SupernetEvaluation.Lean ? lean : plain);
        Assert.Equal(expected, choice.Evaluation);
        Assert.Equal(
            FormattableString.Invariant($"A step takes {lean:0.000} s lean and {plain:0.000} s by plain autograd."), choice.Reason);
    }

    [Fact]
    public void Where_memory_does_not_suffice_for_plain_autograd_the_search_is_lean()
    {
        var choice = EvaluationChoice.For(s_onGpu, evaluation => evaluation == SupernetEvaluation.Lean
            ? 0.5 : throw new InsufficientMemoryException("24 GiB"));
        Assert.Equal(SupernetEvaluation.Lean, choice.Evaluation);
        Assert.Equal("A step takes 0.500 s; for plain autograd the memory does not suffice.", choice.Reason);
    }

    [Fact]
    public void Nothing_is_measured_where_nothing_is_to_be_chosen()
    {
        Assert.Equal(SupernetEvaluation.Lean, Unmeasured(new SearchOptions()));
        Assert.Equal(SupernetEvaluation.Lean, Unmeasured(s_onGpu with { MaxMemory = 1L << 40 }));
        Assert.Equal(SupernetEvaluation.Lean, Unmeasured(s_onGpu with { BFloat16Activations = true }));
        Assert.Equal(SupernetEvaluation.Lean, Unmeasured(s_onGpu with { Evaluation = SupernetEvaluation.Lean }));
        Assert.Equal(SupernetEvaluation.Plain, Unmeasured(s_onGpu with { Evaluation = SupernetEvaluation.Plain }));

        static SupernetEvaluation Unmeasured(SearchOptions options) => EvaluationChoice.For(
            options, evaluation => throw new InvalidOperationException($"{evaluation} was measured.")).Evaluation;
    }

    [Theory]
    [InlineData(SupernetEvaluation.Lean)]
    [InlineData(SupernetEvaluation.Plain)]
    public void A_trial_times_a_few_steps_of_a_network_that_is_thrown_away(SupernetEvaluation evaluation)
    {
        var options = SearchMethod.ZeroOneShot.Apply(new SearchOptions
        {
            Supernet = new() { Channels = 4, Cells = 3, Stem = "cifar" }, BatchSize = 8, Evaluation = evaluation,
        });
        Assert.InRange(EvaluationChoice.SecondsOfStep(
            RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 1), options, new ImageShape(3, 16, 16), classes: 3), 1e-6, 600);
    }

    [Fact]
    public void A_search_says_which_way_it_took()
    {
        var images = RandomImages.Of(40, 2, new ImageShape(3, 16, 16));
        var result = MaskedDartsSearch.Run(images, RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 1), new SearchOptions
        {
            Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 16, Epochs = 1,
        }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(SupernetEvaluation.Lean, result.Options.Evaluation);
    }
}
