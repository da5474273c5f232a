namespace ZeroOneShot.Runtime;

/// <summary>
/// Reports the progress of one stage, estimates from the steps done in this process how long it still takes, and says when its time is up.
/// </summary>
internal sealed class StageClock
{
    /// <summary>The time between two checkpoints within an epoch or a round: a kill loses no more than this, and a step.</summary>
    public static readonly TimeSpan BetweenCheckpoints = TimeSpan.FromSeconds(20);

    private readonly RunStage _stage;
    private double[] _costs;
    private readonly IProgress<RunProgress>? _progress;
    private readonly TimeSpan? _limit;
    private readonly string? _counted;
    private readonly TimeProvider _time;
    private readonly long _start;
    private (double Done, long At) _begun;

    /// <param name="stage">The stage.</param>
    /// <param name="costs">What every epoch costs, in time, in proportion to the others.</param>
    /// <param name="progress">Told of every step; null for nobody.</param>
    /// <param name="limit">The time the stage may take; null is no limit.</param>
    /// <param name="time">What measures the time; null is the system.</param>
    /// <param name="counted">What the steps are, where there are no epochs.</param>
    public StageClock(RunStage stage, IEnumerable<double> costs, IProgress<RunProgress>? progress, TimeSpan? limit = null,
        TimeProvider? time = null, string? counted = null)
    {
        (_stage, _costs, _progress, _limit) = (stage, [.. costs], progress, limit);
        (_time, _counted) = (time ?? TimeProvider.System, counted);
        _start = _time.GetTimestamp();
        _begun = (0, _start);
    }

    public TimeSpan Elapsed => _time.GetElapsedTime(_start);

    /// <summary>The time that the stage may still take; null is no limit.</summary>
    public TimeSpan? Left => _limit - Elapsed;

    /// <summary>Whether the stage has taken the time it may.</summary>
    public bool TimeIsUp => Elapsed >= _limit;

    /// <summary>
    /// Says that from here on steps are done. What was done before, by a process that a checkpoint goes on from, says nothing about how
    /// long this one takes, nor does the time spent until now.
    /// </summary>
    /// <param name="epoch">The epoch of the next step, from 0.</param>
    /// <param name="step">Steps of that epoch done.</param>
    /// <param name="steps">Steps of that epoch.</param>
    public void Begin(int epoch, int step, int steps) => _begun = (Done(epoch, step, steps), _time.GetTimestamp());

    /// <summary>Takes in that there are another number of epochs, all of which cost alike; the last may be a part of one.</summary>
    public void Expect(double epochs)
    {
        var count = (int)Math.Ceiling(epochs);
        if (count != _costs.Length)
            _costs = [.. Enumerable.Repeat(1.0, count)];
    }

    /// <summary>Tells of what went wrong and could be helped, when <paramref name="step"/> steps of an epoch are done.</summary>
    public void Warn(int epoch, int step, int steps, string warning) => _progress?.Report(new RunProgress
    {
        Stage = _stage, Epoch = epoch + 1, Epochs = _costs.Length, Step = step, Steps = steps, Counted = _counted, Elapsed = Elapsed,
        Warning = warning,
    });

    public void Report(int epoch, int step, int steps, double? loss = null, double? accuracy = null,
        double? validationLoss = null, double? validationAccuracy = null) => _progress?.Report(new RunProgress
        {
            Stage = _stage,
            Epoch = epoch + 1,
            Epochs = _costs.Length,
            Step = step,
            Steps = steps,
            Counted = _counted,
            Loss = loss,
            Accuracy = accuracy,
            ValidationLoss = validationLoss,
            ValidationAccuracy = validationAccuracy,
            Elapsed = Elapsed,
            Remaining = Remaining(Done(epoch, step, steps)),
        });

    private double Done(int epoch, int step, int steps) => _costs.Take(epoch).Sum() + Cost(epoch) * step / steps;

    // A round of pruning may come after those that were planned: reading off the genotype.
    private double Cost(int epoch) => epoch < _costs.Length ? _costs[epoch] : 0;

    private TimeSpan? Remaining(double done)
    {
        var ofThisProcess = done - _begun.Done;
        if (ofThisProcess <= 0)
            return null;
        var estimate = _time.GetElapsedTime(_begun.At) * ((_costs.Sum() - done) / ofThisProcess);
        return _limit - Elapsed is { } left && left < estimate ? TimeSpan.FromTicks(Math.Max(0, left.Ticks)) : estimate;
    }
}
