using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML;

/// <summary>
/// What a <see cref="ZeroOneShotTrainer"/> will do with its time and memory: the sizes of all stages, chosen by a few steps timed on this
/// machine. Given as <see cref="ZeroOneShotTrainer.Options.Plan"/> it is followed to the letter, without a look at the clock.
/// </summary>
/// <example>
/// <code>
/// var trainer = ml.MulticlassClassification.Trainers.ZeroOneShot(timeBudget: TimeSpan.FromMinutes(5));
/// File.WriteAllText("plan.json", trainer.Plan(pixels).ToJson());
/// // Later, as often as one likes: the same model, bit for bit, on the same machine.
/// var model = ml.MulticlassClassification.Trainers.ZeroOneShot(new ZeroOneShotTrainer.Options
/// {
///     Plan = ZeroOneShotPlan.FromJson(File.ReadAllText("plan.json")),
/// }).Fit(pixels);
/// </code>
/// </example>
public sealed record ZeroOneShotPlan
{
    /// <summary>The time that the whole Fit may take.</summary>
    public required TimeSpan TimeBudget { get; init; }

    /// <summary>The memory that the process is to keep to, in bytes.</summary>
    public required long MaxMemory { get; init; }

    /// <summary>The name of the method (<see cref="SearchMethod.Name"/>).</summary>
    public required string Method { get; init; }

    /// <summary>The name of the search space (<see cref="SearchSpaces.SearchSpace.Name"/>). Default <c>darts</c>.</summary>
    public string Space { get; init; } = SearchSpaces.SearchSpace.Darts.Name;

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
    /// What the process held when it was planned, in bytes: .NET, libtorch, the images, and whatever the application has besides; 0 is
    /// unknown.
    /// </summary>
    public long Held { get; init; }

    /// <summary>The largest memory of a stage, in bytes, by estimate.</summary>
    public long Memory => Stages.Max(stage => stage.Memory);

    /// <summary>The plan as a table.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        var where = Space == SearchSpace.Darts.Name ? "" : $" in {Space}";
        text.Append(CultureInfo.InvariantCulture, $"{Method}{where} on {TrainImages} images of {Shape} in {Classes} classes, ");
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

    /// <summary>The plan as JSON, to be kept, and followed by a later Fit.</summary>
    public string ToJson() => PlanFile.Write(this);

    /// <summary>Reads what <see cref="ToJson"/> wrote, also where people have changed sizes in it.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="FormatException">
    /// It is no plan, is damaged or of another version, or has sizes that no stage can have; the message says which.
    /// </exception>
    public static ZeroOneShotPlan FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return PlanFile.Read(json);
    }

    /// <summary>Checks that it can be followed.</summary>
    /// <exception cref="ArgumentException">It cannot.</exception>
    internal void Validate()
    {
        var stages = Stages.Select(
            stage => (stage ?? throw new ArgumentException("A stage of the plan is null; expected sizes.")).Stage).ToList();
        if (stages.Count == 0 || stages[^1] != RunStage.Train || !stages.SequenceEqual(stages.Distinct().Order()))
        {
            throw new ArgumentException($"The plan has stages {string.Join(", ", stages)}; expected Prune, Search and Train in this " +
                "order, of which the first two may be missing.");
        }
        if (TimeBudget <= TimeSpan.Zero || MaxMemory <= 0)
        {
            throw new ArgumentException(FormattableString.Invariant(
                $"The plan is for {TimeBudget} and {MaxMemory} bytes; expected a time and a memory above 0."));
        }
        foreach (var stage in Stages)
        {
            if (stage.Candidates < 2 || stage is { Candidates: not null, Stage: not RunStage.Search })
            {
                throw new ArgumentException(FormattableString.Invariant(
                    $"The plan's stage {stage.Stage} has {stage.Candidates} genotypes; expected 2 or more in a search, none elsewhere."));
            }
            if (stage.LearningRate is { } rate
                && (rate is not (> 0 and <= float.MaxValue) || stage.Stage == RunStage.Prune || stage.Candidates is not null))
            {
                throw new ArgumentException(FormattableString.Invariant(
                    $"The plan's stage {stage.Stage} has a learning rate of {rate}; expected a number above 0, where it trains."));
            }
            if (stage.Stem is not null)
            {
                if (stage.Stage != RunStage.Train)
                    throw new ArgumentException($"The plan's stage {stage.Stage} names a stem; expected one in its training alone.");
                SearchSpace.Find(Space)?.Macro.StemFor(Shape.Height, Shape.Width, stage.Stem);            // another's: where it is known
            }
            // Batch norms need two images, and a one-shot search takes its images in halves.
            var trains = stage.Stage == RunStage.Train;
            var (least, part) = (trains || stage is { Stage: RunStage.Search, Candidates: null } ? 2 : 1,
                stage is { Stage: RunStage.Search, Candidates: null } ? 2 : 1);
            foreach (var (name, value, from, to) in ((string, int, int, int)[])[("channels", stage.Channels, 1, Checked.MostChannels),
                ("cells", stage.Cells, 1, Checked.MostCells), ("epochs", stage.Epochs, 1, int.MaxValue),
                ("images", stage.Images, trains ? TrainImages : part * least, TrainImages),
                ("a batch", stage.BatchSize, least, stage.Images / part)])
            {
                if (value < from || value > to)
                {
                    throw new ArgumentException(FormattableString.Invariant(
                        $"The plan's stage {stage.Stage} has {value} for {name}; expected {(from == to ? "" : $"{from} to ")}{to}."));
                }
            }
        }
    }

    /// <summary>Checks that it is a plan of these images.</summary>
    /// <exception cref="ArgumentException">It is not.</exception>
    internal void ThrowIfOfOther(ImageSet train, ImageSet? validation)
    {
        var (own, found) = (Images(TrainImages, ValidationImages, Shape, Classes),
            Images(train.Count, validation?.Count ?? 0, train.Shape, train.ClassCount));
        if (own != found)
        {
            throw new ArgumentException($"The plan is of other images: {own}; expected {found}. Give the images that it was made for, " +
                "or make a plan of these.");
        }

        static string Images(int train, int validation, ImageShape shape, int classes) => string.Create(CultureInfo.InvariantCulture,
            $"{train} to train on and {validation} to validate with, of {shape} in {classes} classes");
    }

    /// <summary>Tells it from others.</summary>
    internal string Fingerprint() =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes((this with { Warnings = [] }).ToJson())))[..16];

    /// <summary>The plan of a stage; null where the method has none.</summary>
    internal StagePlan? Of(RunStage stage) => Stages.FirstOrDefault(plan => plan.Stage == stage);
}
