namespace ZeroOneShot.ML.Tests;

/// <summary>Time that passes only when somebody looks at the clock, and so does not depend on the machine.</summary>
internal sealed class LookedAtTime : TimeProvider
{
    private long _ticks;

    /// <summary>What passes with every look.</summary>
    public TimeSpan Step { get; set; } = TimeSpan.FromMilliseconds(30);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Add(ref _ticks, Step.Ticks);
}
