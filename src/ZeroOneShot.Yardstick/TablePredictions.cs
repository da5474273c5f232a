using System.Globalization;
using System.Text;

namespace ZeroOneShot.Yardstick;

/// <summary>What the surrogate says of a table of architectures, and how well it agrees where the table has accuracies.</summary>
public sealed class TablePredictions
{
    private TablePredictions(
        IReadOnlyList<TableRow> rows, IReadOnlyList<AccuracyEstimate> estimates, IReadOnlyList<double> percentiles, long seed)
    {
        (Rows, Estimates, Percentiles) = (rows, estimates, percentiles);
        var known = Enumerable.Range(0, rows.Count).Where(i => rows[i].Accuracy is not null).ToArray();
        Measured = known.Length;
        if (known.Length < 2)
            return;
        double[] predicted = [.. known.Select(i => estimates[i].Accuracy)], measured = [.. known.Select(i => rows[i].Accuracy!.Value)];
        (Spearman, RSquared) = RankCorrelation.BootstrapOfPredictions(predicted, measured, seed);
        WithinInterval = known.Average(i => rows[i].Accuracy >= estimates[i].Low && rows[i].Accuracy <= estimates[i].High ? 1.0 : 0);
    }

    /// <summary>The lines of the table.</summary>
    public IReadOnlyList<TableRow> Rows { get; }

    /// <summary>The prediction of each.</summary>
    public IReadOnlyList<AccuracyEstimate> Estimates { get; }

    /// <summary>The percentile of each among genotypes of the whole space (<see cref="AccuracySurrogate.Percentile"/>).</summary>
    public IReadOnlyList<double> Percentiles { get; }

    /// <summary>How many lines have a measured accuracy.</summary>
    public int Measured { get; }

    /// <summary>Spearman's coefficient of predicted and measured accuracies; null where fewer than two are measured.</summary>
    public Interval? Spearman { get; }

    /// <summary>The share of the variance that is explained; null where fewer than two are measured.</summary>
    public Interval? RSquared { get; }

    /// <summary>The share of measured accuracies within their intervals, 0 to 1; null where fewer than two are measured.</summary>
    public double? WithinInterval { get; }

    /// <summary>Reads a table and predicts its architectures.</summary>
    /// <param name="surrogate">The surrogate.</param>
    /// <param name="path">A file in a form of <see cref="ArchitectureTable"/>.</param>
    /// <param name="seed">Decides the bootstrap. Default 0.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A line is not understood; the message gives its number.</exception>
    /// <exception cref="ArgumentException">An architecture is of another space; the message names both.</exception>
    public static TablePredictions Of(
        AccuracySurrogate surrogate, string path, long seed = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(surrogate);
        var rows = ArchitectureTable.Read(path);
        var estimates = surrogate.Predict([.. rows.Select(row => row.Genotype)], cancellationToken);
        return new(rows, estimates, [.. estimates.Select(at => surrogate.RandomGenotypes.Percentile(at.Accuracy))], seed);
    }

    /// <summary>A line per architecture: <c>genotype,predicted,low,high,percentile,val_accuracy</c>.</summary>
    public string ToCsv()
    {
        var text = new StringBuilder("genotype,predicted,low,high,percentile,val_accuracy\n");
        for (var i = 0; i < Rows.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"\"{Rows[i].Genotype}\",{Estimates[i].Accuracy:0.000},{Estimates[i].Low:0.000},");
            text.Append(CultureInfo.InvariantCulture, $"{Estimates[i].High:0.000},{Percentiles[i]:0.0},{Rows[i].Accuracy}\n");
        }
        return text.ToString();
    }

    /// <summary>How well predictions and measured accuracies agree, in a sentence.</summary>
    public override string ToString() => Estimates.Count(at => at.IsExtrapolated) is > 0 and var extrapolated
        ? $"{Agreement} {extrapolated} of them have two edges into a node from the same input, as none that the surrogate knows: their " +
            "predictions are extrapolated."
        : Agreement;

    private string Agreement => Spearman is null
        ? $"{Rows.Count} architectures, none or one of them with a measured accuracy."
        : FormattableString.Invariant($"{Rows.Count} architectures, {Measured} of them measured: Spearman {Spearman}, R2 {RSquared}, ") +
            FormattableString.Invariant($"{WithinInterval:0.0%} within their intervals.");
}
