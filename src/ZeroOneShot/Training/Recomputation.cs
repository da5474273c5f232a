namespace ZeroOneShot.Training;

/// <summary>
/// What of a training step is computed a second time, on the way back, in place of being kept in memory from the first. The result is the
/// same, bit for bit; everything recomputed takes about a third more time, and a fraction of the memory.
/// </summary>
public enum Recomputation
{
    /// <summary>
    /// As little as fits into <see cref="TrainingOptions.MaxMemory"/>, or without one into half of the memory that the process may use:
    /// cell by cell, from the first one on, whose features are the largest.
    /// </summary>
    Automatic,

    /// <summary>Nothing: the fastest.</summary>
    None,

    /// <summary>Every cell: the least memory.</summary>
    All,
}
