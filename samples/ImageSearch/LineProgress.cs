using System.Diagnostics;
using ZeroOneShot.Runtime;

namespace ImageSearch;

/// <summary>Progress for a file or a pipe: a line at the end of every epoch, and one every few seconds.</summary>
internal sealed class LineProgress(TextWriter output) : IProgress<RunProgress>
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

    private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
    private (RunStage, int Epoch, int Step) _last;

    /// <inheritdoc/>
    public void Report(RunProgress value)
    {
        var step = (value.Stage, value.Epoch, value.Step);
        if (step == _last || !value.EndsEpoch && _sinceLine.Elapsed < s_interval)
            return;
        _last = step;
        _sinceLine.Restart();
        output.WriteLine(value);
        output.Flush();
    }
}
