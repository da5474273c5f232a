namespace ZeroOneShot.Experiments;

/// <summary>The result of a finished run.</summary>
public sealed class RunResult
{
    /// <summary>What was run.</summary>
    public required RunSpecification Specification { get; init; }

    /// <summary>Pruning; of no time where the method does not rank operations.</summary>
    public required StageRecord Prune { get; init; }

    /// <summary>Search; of no time where pruning leaves one architecture.</summary>
    public required StageRecord Search { get; init; }

    /// <summary>Training of the found network, and its test.</summary>
    public required StageRecord Train { get; init; }

    /// <summary>The architecture found, as text.</summary>
    public string Genotype => Search.Genotype!;

    /// <summary>Share of test images classified rightly after training, 0 to 1.</summary>
    public double Accuracy => Train.Accuracy!.Value;

    /// <summary>Seconds of pruning and search, as Table 1 counts them.</summary>
    public double SearchSeconds => Prune.Seconds + Search.Seconds;

    /// <summary>Seconds of processors of both.</summary>
    public double SearchProcessorSeconds => Prune.ProcessorSeconds + Search.ProcessorSeconds;

    /// <summary>The larger peak of pruning and search, in MiB; see <see cref="StageRecord.PeakMiB"/>.</summary>
    public double? PeakMiB => Prune.PeakMiB is null && Search.PeakMiB is null ? null : Math.Max(Prune.PeakMiB ?? 0, Search.PeakMiB ?? 0);
}
