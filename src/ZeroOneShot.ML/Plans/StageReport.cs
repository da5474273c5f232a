using System.Globalization;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML;

/// <summary>What a stage took, beside what was planned: see <see cref="FitReport.Stages"/>.</summary>
/// <param name="plan"><see cref="Plan"/>.</param>
/// <param name="time"><see cref="Time"/>.</param>
/// <param name="memory"><see cref="Memory"/>.</param>
/// <param name="epochs"><see cref="Epochs"/>.</param>
public sealed class StageReport(StagePlan plan, TimeSpan time, long memory, int epochs)
{
    /// <summary>What was planned.</summary>
    public StagePlan Plan { get; } = plan;

    /// <summary>The time it took, in all processes that had a part in it.</summary>
    public TimeSpan Time { get; } = time;

    /// <summary>
    /// The largest resident size of the process during the stage, in bytes: of looks at it, where the process was larger before. On a GPU
    /// what all processes held of its memory.
    /// </summary>
    public long Memory { get; } = memory;

    /// <summary>The epochs done; the last one may be a part of one. Of a search without training the genotypes ranked.</summary>
    public int Epochs { get; } = epochs;

    /// <summary>
    /// Whether it was done otherwise than planned: by the clock, with fewer epochs or genotypes, more epochs, or operations left by chance
    /// in place of pruning; in smaller batches, as memory asked for; or, in a training that diverged, with the weights of an epoch before,
    /// where one without a clock ends with an error. Where no stage was, the same plan gives the same model
    /// (<see cref="ZeroOneShotTrainer.Options.Plan"/>).
    /// </summary>
    public bool Rescheduled { get; init; }

    /// <summary>Why, where <see cref="Epochs"/> do not tell.</summary>
    internal string? Because { get; init; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Plan.Stage}: {Epochs} of {Plan.Length}, {RunProgress.Text(Time)} of {RunProgress.Text(Plan.Time)}, " +
        $"{Memory / (double)(1 << 20):0} of {Plan.Memory / (double)(1 << 20):0} MiB");
}
