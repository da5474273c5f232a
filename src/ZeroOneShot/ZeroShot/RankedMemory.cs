using ZeroOneShot.Data;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// The largest resident size of a process that ranks networks, in bytes, by estimate, as for <see cref="PredictedMemory.Peak"/>; on a GPU
/// all that is taken of its memory.
/// </summary>
internal sealed class RankedMemory
{
    private readonly RankingOptions _options;
    private readonly IReadOnlyList<IRankingFunction> _functions;
    private readonly ImageShape _shape;
    private readonly long _parameters, _operations, _kernels;
    private readonly Func<CandidateRuns, bool, long> _forwards;
    private readonly Func<long> _features, _gradient, _graph;

    /// <summary>Of a supernet.</summary>
    public RankedMemory(RankingOptions options, IReadOnlyList<IRankingFunction> functions, OperationMask mask, SupernetOptions supernet,
        ImageShape shape, int classes)
    {
        TorchRuntime.EnsureLoaded();
        (_options, _functions, _shape) = (options, functions, shape);
        var memory = new SupernetMemory(mask, supernet, shape, Worker.ThreadsOfLibtorch, bfloat16: false, OnGpu);
        (_parameters, _operations) = (memory.Parameters(classes), memory.Operations);
        _forwards = (runs, firstOrder) => firstOrder ? memory.Largest(weights: false).Sum
            : runs == CandidateRuns.EachByItself ? memory.Ranking()
            : memory.Candidates(runs == CandidateRuns.SideBySide);
        var plan = NetworkPlan.Of(mask.Space, supernet, shape);
        _features = () => ZeroShotSearchMemory.Features(plan) + memory.AtWorkByDefinition();
        _kernels = functions.Any(function => function.Memory.IsByLibtorch) ? ZeroShotSearchMemory.Kernels : 0;
        _gradient = () => memory.Largest(weights: true).Sum;
        _graph = () => new SupernetMemory(mask, supernet, shape, threads: 1, bfloat16: false, inLibtorch: true).Graph();
    }

    /// <summary>Of the network of a genotype.</summary>
    public RankedMemory(RankingOptions options, IReadOnlyList<IRankingFunction> functions, Genotype genotype, CellNetOptions network,
        SearchSpace space, ImageShape shape, int classes)
    {
        TorchRuntime.EnsureLoaded();
        (_options, _functions, _shape) = (options, functions, shape);
        var sized = network.WithStem(space, shape) with { AuxiliaryHead = false };
        var memory = new CellNetMemory(genotype, sized, shape, space, OnGpu);
        (_parameters, _operations) = (NetworkCost.Of(genotype, sized, shape, classes, space).Parameters, memory.Operations);
        var plan = NetworkPlan.Of(space, sized, shape, genotype);
        _forwards = (_, _) => ZeroShotSearchMemory.Features(plan);
        _features = () => ZeroShotSearchMemory.Features(plan);
        _kernels = ZeroShotSearchMemory.Kernels;
        _gradient = () => memory.Largest(
            recomputed: OnGpu ? 0 : memory.Items, Lanes, OnGpu ? 1 : Worker.ThreadsOfLibtorch).Sum;
        _graph = () => new CellNetMemory(genotype, sized, shape, space, inLibtorch: true)
            .Largest(recomputed: 0, options.BatchSize, threads: 1).Sum;
    }

    /// <summary>The memory of a way to run networks.</summary>
    /// <param name="runs">How those that lack an operation run.</param>
    /// <param name="firstOrder">Whether ranks are taken to first order.</param>
    public long Of(CandidateRuns runs, bool firstOrder = false)
    {
        var forwards = _functions.Any(function => function.Memory.IsForwards) || firstOrder ? Lanes * _forwards(runs, firstOrder) : 0;
        var dearest = firstOrder ? null : _functions.MaxBy(Numbers);
        var more = dearest is null ? 0 : Numbers(dearest);
        // One forward run is over before the next, unless networks share something.
        if (dearest?.Memory.IsFeatures == true && runs == CandidateRuns.EachByItself)
            (forwards, more) = (0, Math.Max(forwards, more));
        var numbers = _parameters + (long)_options.Batches * _options.BatchSize * _shape.Size + Lanes * _shape.Size + forwards + more;
        return OnGpu
            ? ProcessMemory.OfGpuContext + (long)((1 + ProcessMemory.IdleOnGpu) * sizeof(float) * numbers)
            : ProcessMemory.ProcessBefore + ProcessMemory.FirstSteps + _kernels + _operations * ProcessMemory.OfAnOperation
                + sizeof(float) * numbers;
    }

    /// <exception cref="MemoryLimitException">It is more than may be, or than there is.</exception>
    public void ThrowIfLarger(long memory, string what)
    {
        // What nobody tells of a GPU is no limit.
        var limit = _options.MaxMemory
            ?? (OnGpu ? GpuMemory.Of(_options.Device!)?.Total ?? long.MaxValue : ProcessMemory.MemoryOfTheMachine);
        if (memory <= limit)
            return;
        var dearest = _functions.MaxBy(Numbers)!;
        var because = dearest.Memory.IsForwards ? "" : $", most of it for ranking function '{dearest.Name}'";
        var whose = _options.MaxMemory is not null ? "MaxMemory is" : OnGpu ? "The GPU has" : "The machine has";
        throw new MemoryLimitException(
            $"{whose} {ProcessMemory.InMiB(limit)}, and {what} is predicted " +
            $"to take {ProcessMemory.InMiB(memory)} with batches of {_options.BatchSize} images{because}. Allow that much, or rank with " +
            "a smaller BatchSize, fewer Channels or fewer Cells" + (because.Length > 0 ? ", or by another function." : "."));
    }

    private long Numbers(IRankingFunction function) =>
        function.Memory.Numbers(_features, _gradient, _graph, _parameters, _options, Lanes, !OnGpu);

    private bool OnGpu => ProcessMemory.IsGpu(_options.Device);

    private long Lanes => OnGpu ? _options.BatchSize
        : (_options.BatchSize + ProcessMemory.LanesOfAGroup - 1L) / ProcessMemory.LanesOfAGroup * ProcessMemory.LanesOfAGroup;
}
