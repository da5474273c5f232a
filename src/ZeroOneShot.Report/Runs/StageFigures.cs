namespace ZeroOneShot.Report;

/// <summary>What a stage was planned to take, and what it took; null is unknown.</summary>
/// <param name="Name">The stage, such as <c>search</c>.</param>
public sealed record StageFigures(string Name)
{
    /// <summary>The time that the plan gave it.</summary>
    public TimeSpan? PlannedTime { get; init; }

    /// <summary>The time that it took, over all runs that went on from one another.</summary>
    public TimeSpan? Time { get; init; }

    /// <summary>The memory that the plan gave it, in bytes.</summary>
    public long? PlannedMemory { get; init; }

    /// <summary>The most memory of the process meanwhile, in bytes.</summary>
    public long? Memory { get; init; }
}
