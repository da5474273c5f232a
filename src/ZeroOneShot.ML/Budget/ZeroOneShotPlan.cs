using System.Globalization;
using System.Text;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML;

/// <summary>
/// What a <see cref="ZeroOneShotTrainer"/> will do with its time and memory: the sizes of all stages, chosen by a few steps timed on this
/// machine.
/// </summary>
public sealed record ZeroOneShotPlan
{
    /// <summary>The time that the whole Fit may take.</summary>
    public required TimeSpan TimeBudget { get; init; }

    /// <summary>The memory that the process is to keep to, in bytes.</summary>
    public required long MaxMemory { get; init; }

    /// <summary>The name of the method (<see cref="SearchMethod.Name"/>).</summary>
    public required string Method { get; init; }

    /// <summary>Images to prune, search and train on.</summary>
    public required int TrainImages { get; init; }

    /// <summary>Images kept back to validate with; 0 for none.</summary>
    public required int ValidationImages { get; init; }

    /// <summary>The size of the images.</summary>
    public required ImageShape Shape { get; init; }

    /// <summary>Number of classes.</summary>
    public required int Classes { get; init; }

    /// <summary>The stages, in their order; a method that ranks or searches nothing has fewer than three.</summary>
    public required IReadOnlyList<StagePlan> Stages { get; init; }

    /// <summary>What to know before it starts, for example that there are few images.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The time of all stages, and of reading and saving around them.</summary>
    public TimeSpan Time => Stages.Aggregate(Around, (sum, stage) => sum + stage.Time);

    /// <summary>The time taken for reading the images and planning so far, and for making the model at the end.</summary>
    public required TimeSpan Around { get; init; }

    /// <summary>
    /// What the process held when it was planned, in bytes: .NET, libtorch, the images, and whatever the application has besides.
    /// </summary>
    public required long Held { get; init; }

    /// <summary>The largest memory of a stage, in bytes, by estimate.</summary>
    public long Memory => Stages.Max(stage => stage.Memory);

    /// <summary>The plan as a table.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Method} on {TrainImages} images of {Shape} in {Classes} classes, ");
        text.Append(CultureInfo.InvariantCulture, $"{ValidationImages} more to validate with\n");
        text.Append(StagePlan.Heading).Append('\n');
        foreach (var stage in Stages)
            text.Append(stage).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"{"in all",-56}  {RunProgress.Text(Time),8}{Memory / (double)(1 << 20),8:0} MiB\n");
        text.Append(CultureInfo.InvariantCulture,
            $"{"allowed",-56}  {RunProgress.Text(TimeBudget),8}{MaxMemory / (double)(1 << 20),8:0} MiB");
        foreach (var warning in Warnings)
            text.Append('\n').Append("warning: ").Append(warning);
        return text.ToString();
    }

    /// <summary>The plan of a stage; null where the method has none.</summary>
    internal StagePlan? Of(RunStage stage) => Stages.FirstOrDefault(plan => plan.Stage == stage);
}
