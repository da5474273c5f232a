namespace ZeroOneShot.Experiments;

/// <summary>What a finished stage of a run leaves.</summary>
public sealed class StageRecord
{
    /// <summary>Time of all attempts, in seconds. What a killed attempt did after its last note is not in it: a few seconds.</summary>
    public required double Seconds { get; init; }

    /// <summary>The same of all processors together, which other programs on the machine hardly change.</summary>
    public double ProcessorSeconds { get; init; }

    /// <summary>
    /// What the process grew by at its peak, in MiB, over its size with libtorch and the images loaded; the largest of all attempts. Null
    /// where the system does not tell, or where the stage had nothing to compute.
    /// </summary>
    public double? PeakMiB { get; init; }

    /// <summary>How often the stage was begun.</summary>
    public int Attempts { get; init; } = 1;

    /// <summary>The mask that pruning left, as JSON.</summary>
    public string? Mask { get; init; }

    /// <summary>The architecture that was found, as text.</summary>
    public string? Genotype { get; init; }

    /// <summary>Share of test images that the trained network classifies rightly, 0 to 1.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Number of the trained network's parameters.</summary>
    public long? Parameters { get; init; }
}
