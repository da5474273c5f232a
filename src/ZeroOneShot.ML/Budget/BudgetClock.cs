using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML;

/// <summary>
/// Counts the time of a Fit against its budget, over all its processes, and the memory of its stages; writes both down while it runs.
/// </summary>
/// <param name="budget">The time of the whole Fit.</param>
/// <param name="time">What measures it.</param>
/// <param name="began">When it began, as <paramref name="time"/> tells; null: now.</param>
/// <param name="next">Told of every step too.</param>
/// <param name="display">Shows how far the Fit is; null for nowhere.</param>
internal sealed class BudgetClock(
    TimeSpan budget, TimeProvider time, long? began, IProgress<RunProgress> next, ConsoleProgress? display) : IProgress<RunProgress>
{
    // Who is killed loses so much of the count at the most.
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(0.2);

    // Of the budget: what a stage's last step or a garbage collection may take over.
    private const double Margin = 0.01;

    // Making the transformer: two ONNX sessions.
    public static readonly TimeSpan AtTheEnd = TimeSpan.FromSeconds(2);

    private readonly long _start = began ?? time.GetTimestamp();
    private readonly Dictionary<RunStage, (long Memory, int Epochs, bool Rescheduled, string? Because)> _stages = [];
    private FitState? _state;
    private string? _folder;
    private TimeSpan _before, _written, _looked, _stageBegan;
    private double _stageBefore;
    private RunStage? _stage;
    private long _memory, _largestBefore;

    /// <summary>The memory in use, in bytes. Default: the resident size of the process.</summary>
    public Func<long> MemoryInUse { get; set; } = () => ResidentMemory.Present;

    /// <summary>Whether <see cref="MemoryInUse"/> is a GPU's.</summary>
    public bool OnGpu { get; set; }

    /// <summary>The time used so far, by earlier processes too.</summary>
    public TimeSpan Elapsed => _before + Here;

    /// <summary>Cancelled when the stage at work has gone on until this time; null for no such.</summary>
    public (TimeSpan At, CancellationTokenSource Source)? Stop { get; set; }

    private TimeSpan Here => time.GetElapsedTime(_start);

    /// <summary>Takes over the time of earlier processes.</summary>
    public void GoOn(FitState state, string? folder)
    {
        (_state, _folder, _before) = (state, folder, TimeSpan.FromSeconds(state.Seconds));
        Write();
    }

    /// <summary>Takes in that the plan is another one since it is known what network was found.</summary>
    public void Planned(ZeroOneShotPlan plan)
    {
        (_state!.Plan, _state.KnowsNetwork) = (plan, true);
        Write();
    }

    /// <summary>The time that a stage has taken, in all processes.</summary>
    public TimeSpan Taken(RunStage stage) => TimeSpan.FromSeconds(_state!.StageSeconds.GetValueOrDefault(stage.ToString()));

    public void Begin(RunStage stage)
    {
        // What the stage before has freed is not this one's.
        ResidentMemory.ReturnUnused();
        (_stage, _stageBegan, _memory, _largestBefore) = (stage, Here, MemoryInUse(), ResidentMemory.Largest ?? 0);
        _stageBefore = _state!.StageSeconds.GetValueOrDefault(stage.ToString());
        Write();
    }

    /// <summary>Ends a stage.</summary>
    /// <param name="epochs">The epochs done.</param>
    /// <param name="rescheduled">Whether it was not done as planned.</param>
    /// <param name="because">Why, where the epochs do not tell.</param>
    public void End(int epochs, bool rescheduled, string? because = null)
    {
        Look();
        // The system's own count has no gaps, but does not tell when it was that large.
        if (!OnGpu && ResidentMemory.Largest is { } largest && largest > _largestBefore)
            _memory = largest;
        _stages[_stage!.Value] = (_memory, epochs, rescheduled || because is not null, because);
        Write();
    }

    /// <summary>The time that a stage may take now: what its plan says of what is left, with what earlier stages left over.</summary>
    public TimeSpan Share(ZeroOneShotPlan plan, RunStage stage)
    {
        var left = budget * (1 - Margin) - Elapsed - AtTheEnd;
        var later = plan.Stages.SkipWhile(other => other.Stage != stage).ToList();
        var planned = later.Aggregate(TimeSpan.Zero, (sum, other) => sum + other.Time);
        var already = TimeSpan.FromSeconds(_stageBefore);
        var share = later.Count == 1 ? left : left * ((later[0].Time - already) / (planned - already));
        return share > TimeSpan.Zero ? share : TimeSpan.FromTicks(1);
    }

    public IReadOnlyList<StageReport> Reports(ZeroOneShotPlan plan) => [.. plan.Stages.Select(stage => new StageReport(
        stage, Taken(stage.Stage),
        _stages[stage.Stage].Memory, _stages[stage.Stage].Epochs)
    {
        Rescheduled = _stages[stage.Stage].Rescheduled, Because = _stages[stage.Stage].Because,
    })];

    /// <inheritdoc/>
    public void Report(RunProgress value)
    {
        Look();
        if (Here - _written > s_interval)
            Write();
        if (Stop is { } stop && Elapsed > stop.At)
            stop.Source.Cancel();
        next.Report(value);
        var later = _state!.Plan.Stages.SkipWhile(stage => stage.Stage != _stage).Skip(1)
            .Aggregate(AtTheEnd, (sum, stage) => sum + stage.Time);
        display?.Show(() => value.TextWithoutRemaining, Elapsed, (value.Remaining ?? TimeSpan.Zero) + later);
    }

    private void Look()
    {
        if (Here - _looked < s_look && Here > _looked)
            return;
        _looked = Here;
        _memory = Math.Max(_memory, MemoryInUse());
    }

    private void Write()
    {
        _written = Here;
        _state!.Seconds = Elapsed.TotalSeconds;
        if (_stage is { } stage)
            _state.StageSeconds[stage.ToString()] = _stageBefore + (Here - _stageBegan).TotalSeconds;
        if (_folder is not null)
            _state.Write(_folder);
    }
}
