using System.Diagnostics;

namespace ZeroOneShot.Runtime;

/// <summary>Reports the progress of one stage and estimates from the steps done how long it still takes.</summary>
internal sealed class StageClock(RunStage stage, int? epochs, IProgress<RunProgress>? progress)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    public TimeSpan Elapsed => _watch.Elapsed;

    public void Report(int epoch, int step, int steps, double? loss = null, double? accuracy = null, double? validationAccuracy = null)
    {
        if (progress is null)
            return;
        var elapsed = _watch.Elapsed;
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
            ValidationAccuracy = validationAccuracy,
            Elapsed = elapsed,
            Remaining = epochs is { } all && done > 0 ? elapsed * ((all - done) / done) : null,
        });
    }
}
