namespace ZeroOneShot.Optimization;

/// <summary>From where on a run's schedule is another than the one that its epochs make, as a checkpoint keeps it.</summary>
internal sealed record ScheduleState
{
    /// <summary>The step from which on it is.</summary>
    public long Step { get; init; }

    /// <summary>How far the schedule had come by then, 0 to 1.</summary>
    public double Progress { get; init; }

    /// <summary>The step, not a whole one, with which it ends; null while it is the one that the epochs make.</summary>
    public double? End { get; init; }

    /// <summary>Whether it has ended.</summary>
    public bool Over { get; init; }

    /// <summary>Whether a schedule of so many steps can be in this state.</summary>
    public bool IsPossible(long steps) => Step >= 0 && Step <= steps && Progress is >= 0 and <= 1 && !(End < Step);
}
