using System.Globalization;
using System.Text.Json.Serialization;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML;

/// <summary>What one stage of a <see cref="ZeroOneShotPlan"/> will do, and what it is predicted to take.</summary>
public sealed record StagePlan
{
    /// <summary>The stage.</summary>
    public required RunStage Stage { get; init; }

    /// <summary>Channels of the network's first cells.</summary>
    public required int Channels { get; init; }

    /// <summary>Number of the network's cells.</summary>
    public required int Cells { get; init; }

    /// <summary>
    /// The stem of the network that is trained (<see cref="CellNetOptions.Stem"/>). Default null: that of the images' size.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Stem { get; init; }

    /// <summary>Channels, cells and stem.</summary>
    internal NetworkSize Size => new(Channels, Cells, Stem);

    /// <summary>Images of a step; in pruning and in a search without training those that every network is ranked on.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Epochs; in pruning random weights that ranks are averaged over; 1 in a search without training.</summary>
    public required int Epochs { get; init; }

    /// <summary>Genotypes that a search without training ranks, at most; null in other stages.</summary>
    public int? Candidates { get; init; }

    /// <summary>Images that the stage uses, at most.</summary>
    public required int Images { get; init; }

    /// <summary>
    /// Learning rate of the weights in the first epoch of a search or a training, above 0. Default null: the one that suits epochs and
    /// batch (<see cref="SearchOptions.ForEpochs(int, int)"/>, <see cref="TrainingOptions.ForEpochs(int, int)"/>).
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? LearningRate { get; init; }

    /// <summary>The time it is predicted to take; its schedule ends within that.</summary>
    public required TimeSpan Time { get; init; }

    /// <summary>The largest resident size of the process while it runs, in bytes, by estimate.</summary>
    public required long Memory { get; init; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Stage.ToString().ToLowerInvariant(),-7}{Channels,9}{Cells,7}{BatchSize,7}{Length,16}{Images,9}  " +
        $"{RunProgress.Text(Time),8}{Memory / (double)(1 << 20),8:0} MiB");

    /// <summary>How long the stage is, in its own unit.</summary>
    internal string Length => Text(Candidates ?? Epochs);

    /// <summary>A number of what the stage counts.</summary>
    internal string Text(int count)
    {
        var unit = Candidates is not null ? "genotype" : Stage == RunStage.Prune ? "draw" : "epoch";
        return string.Create(CultureInfo.InvariantCulture, $"{count} {unit}{(count == 1 ? "" : "s")}");
    }

    /// <summary>The names of what <see cref="ToString"/> gives.</summary>
    internal static string Heading =>
        $"{"stage",-7}{"channels",9}{"cells",7}{"batch",7}{"length",16}{"images",9}  {"time",8}{"memory",12}";
}
