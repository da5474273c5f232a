using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests;

/// <summary>Does something at every report of progress, told how many there have been.</summary>
internal sealed class EachStep(Action<int> act) : IProgress<RunProgress>
{
    public int Count { get; private set; }

    public void Report(RunProgress value) => act(++Count);

    /// <summary>Cancels at one report.</summary>
    public static EachStep CancelAt(int step, CancellationTokenSource cancellation) => new(count =>
    {
        if (count == step)
            cancellation.Cancel();
    });
}
