using System.Globalization;

namespace ZeroOneShot.Runtime;

/// <summary>How far a long run is.</summary>
public sealed class RunProgress
{
    /// <summary>What runs.</summary>
    public required RunStage Stage { get; init; }

    /// <summary>The epoch (or the round of pruning) that runs, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>How many epochs (or rounds of pruning) there will be at the most; null when not known beforehand.</summary>
    public int? Epochs { get; init; }

    /// <summary>Steps of this epoch done: batches, or candidates ranked.</summary>
    public int Step { get; init; }

    /// <summary>Steps of this epoch.</summary>
    public int Steps { get; init; }

    /// <summary>
    /// What the steps are, where a stage has no epochs: <c>genotypes</c> of a search without training; null where it has.
    /// </summary>
    public string? Counted { get; init; }

    /// <summary>Mean training loss of this epoch so far; null before the first step and in pruning.</summary>
    public double? Loss { get; init; }

    /// <summary>
    /// Share of training images of this epoch classified rightly so far, 0 to 1; null before the first step and in pruning.
    /// </summary>
    public double? Accuracy { get; init; }

    /// <summary>
    /// Mean loss of the validation images; only at the end of an epoch with a validation set. In the search its other half, on which the
    /// architecture is trained, takes the place of a validation set.
    /// </summary>
    public double? ValidationLoss { get; init; }

    /// <summary>Share of validation images classified rightly, 0 to 1; known when <see cref="ValidationLoss"/> is.</summary>
    public double? ValidationAccuracy { get; init; }

    /// <summary>Time since the stage began in this process.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>
    /// Estimate of the time the stage still takes, by the steps that this process has done, and no more than its time limit leaves; null
    /// before the first step.
    /// </summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary><see cref="Remaining"/> to read, for example <c>00:12:30</c> or <c>2 days 3 h</c>; null when unknown.</summary>
    public string? RemainingText => Remaining is { } remaining ? Text(remaining) : null;

    /// <summary>
    /// What went wrong and could be helped, for example that a damaged checkpoint gave way to the one before; null in all reports but
    /// those that are made for it.
    /// </summary>
    public string? Warning { get; init; }

    /// <summary>Whether this report closes an epoch.</summary>
    public bool EndsEpoch => Step == Steps && Warning is null;

    private string EpochText => $"{(Stage == RunStage.Prune ? "round" : "epoch")} {Epoch}{(Epochs is null ? "" : $"/{Epochs}")}";

    /// <inheritdoc/>
    public override string ToString() => RemainingText is { } remaining
        ? $"{TextWithoutRemaining}, {remaining} left{WarningText}" : TextWithoutRemaining + WarningText;

    /// <summary>The same without <see cref="Remaining"/>, which is a stage's own, and without a warning.</summary>
    internal string TextWithoutRemaining
    {
        get
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"{Stage} ");
            if (Counted is not null)
                text += string.Create(CultureInfo.InvariantCulture, $"{Step} of {Steps} {Counted}");
            else
                text += string.Create(CultureInfo.InvariantCulture, $"{EpochText}, step {Step}/{Steps}");
            if (Loss is not null)
                text += string.Create(CultureInfo.InvariantCulture, $", loss {Loss:0.0000}");
            if (Accuracy is not null)
                text += string.Create(CultureInfo.InvariantCulture, $", accuracy {Accuracy:0.0000}");
            if (ValidationLoss is not null)
                text += string.Create(CultureInfo.InvariantCulture, $", validation loss {ValidationLoss:0.0000}");
            if (ValidationAccuracy is not null)
                text += string.Create(CultureInfo.InvariantCulture, $", validation accuracy {ValidationAccuracy:0.0000}");
            return text;
        }
    }

    private string WarningText => Warning is null ? "" : $": {Warning}";

    /// <summary>A time to read: hours, minutes and seconds, or from a day on days and hours.</summary>
    internal static string Text(TimeSpan time) => time.TotalDays < 1
        ? time.ToString("hh\\:mm\\:ss", CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{time.Days} {(time.Days == 1 ? "day" : "days")} {time.Hours} h");
}
