namespace ZeroOneShot.Runtime;

/// <summary>
/// Reports the progress of one stage, estimates from the steps done how long it still takes, and says when its time is up.
/// </summary>
/// <param name="stage">The stage.</param>
/// <param name="epochs">How many epochs there will be; null when not known.</param>
/// <param name="progress">Told of every step; null for nobody.</param>
/// <param name="limit">The time the stage may take; null is no limit.</param>
/// <param name="time">What measures the time; null is the system.</param>
internal sealed class StageClock(
    RunStage stage, int? epochs, IProgress<RunProgress>? progress, TimeSpan? limit = null, TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly long _start = (time ?? TimeProvider.System).GetTimestamp();

    public TimeSpan Elapsed => _time.GetElapsedTime(_start);

    /// <summary>Whether the stage has taken the time it may.</summary>
    public bool TimeIsUp => Elapsed >= limit;

    /// <summary>Tells of what went wrong and could be helped, when <paramref name="step"/> steps of an epoch are done.</summary>
    public void Warn(int epoch, int step, int steps, string warning) => progress?.Report(new RunProgress
    {
        Stage = stage, Epoch = epoch + 1, Epochs = epochs, Step = step, Steps = steps, Elapsed = Elapsed, Warning = warning,
    });

    public void Report(int epoch, int step, int steps, double? loss = null, double? accuracy = null,
        double? validationLoss = null, double? validationAccuracy = null)
    {
        if (progress is null)
            return;
        var elapsed = Elapsed;
        var done = epoch + (double)step / steps;
        progress.Report(new RunProgress
        {
            Stage = stage,
            Epoch = epoch + 1,
            Epochs = epochs,
            Step = step,
            Steps = steps,
            Loss = loss,
            Accuracy = accuracy,
            ValidationLoss = validationLoss,
            ValidationAccuracy = validationAccuracy,
            Elapsed = elapsed,
            Remaining = epochs is { } all && done > 0 ? elapsed * ((all - done) / done) : null,
        });
    }
}
