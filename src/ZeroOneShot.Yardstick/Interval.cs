namespace ZeroOneShot.Yardstick;

/// <summary>A figure with what chance would make of it: between these ends lie 95 % of the figures of resampled rows (bootstrap).</summary>
/// <param name="Value">The figure.</param>
/// <param name="Low">The 2.5th percentile of the resampled figures.</param>
/// <param name="High">The 97.5th percentile.</param>
public readonly record struct Interval(double Value, double Low, double High)
{
    /// <summary>For example <c>0.931 (0.928 to 0.934)</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Value:0.000} ({Low:0.000} to {High:0.000})");
}
