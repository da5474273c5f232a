namespace ZeroOneShot.Tests;

/// <summary>Time that passes only when a test lets it.</summary>
internal sealed class HandTime : TimeProvider
{
    private long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _ticks;

    public void Pass(TimeSpan time) => _ticks += time.Ticks;
}
