using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Experiments.Tests;

/// <summary>Runs of a second or two.</summary>
internal static class Toy
{
    private static readonly ImageShape s_shape = new(3, 16, 16);

    public static ExperimentData Data { get; } = new("noise", RandomImages.Of(48, 3, s_shape), RandomImages.Of(12, 3, s_shape));

    public static ExperimentPreset Preset { get; } = ExperimentPreset.Smoke with
    {
        Name = "toy", TrainImages = null, TestImages = null,
        Prune = new()
        {
            Supernet = new() { Channels = 4, Cells = 3, StemMultiplier = 1 }, BatchSize = 8, Batches = 1, Initializations = 1,
            RankingFunctions = [new NngpNorm()],                       // as the presets
        },
        Search = new()
        {
            Supernet = new() { Channels = 4, Cells = 3, StemMultiplier = 1 }, BatchSize = 12, Epochs = 2, WarmupEpochs = 1,
        },
        Train = new()
        {
            Network = new() { Channels = 4, Cells = 3, AuxiliaryHead = false, StemMultiplier = 1 }, BatchSize = 12, Epochs = 1,
            DropPath = 0,
        },
    };

    /// <summary>The space of NAS-Bench-201 is the smallest.</summary>
    public static Table1Options Table(params IReadOnlyList<SearchMethod> methods) => new()
    {
        Methods = methods, Data = [Data], Spaces = [SearchSpace.NasBench201], Seeds = [1, 2], Preset = Preset,
    };

    public static void InThisProcess(RunFolder run, ZeroOneShot.Runtime.RunStage stage, CancellationToken cancellationToken) =>
        ExperimentRun.Do(run, stage, Data, Preset, cancellationToken: cancellationToken);
}
