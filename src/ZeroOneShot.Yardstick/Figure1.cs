using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Yardstick;

/// <summary>
/// Figure 1 of the paper: the accuracies of architectures drawn from the space, and from what masks leave of it. With half of the
/// operations masked at random, the space should keep its shape.
/// </summary>
public sealed class Figure1
{
    private const double Tail = 0.1;

    // Bins of the histogram between the accuracies that a thousandth of all series stays below, or above.
    private const int Bins = 80;
    private const double Cut = 0.001;

    private static readonly double[] s_quantiles = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

    private Figure1(IReadOnlyList<Figure1Series> series) => Series = series;

    /// <summary>The space first, then random masks (one per architecture, then one for all), then the given masks.</summary>
    public IReadOnlyList<Figure1Series> Series { get; }

    /// <summary>Draws architectures and asks the yardstick.</summary>
    /// <param name="yardstick">What tells the accuracies.</param>
    /// <param name="options">What to draw; null: the defaults.</param>
    /// <param name="progress">Told the name of every series that is done.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ArgumentException">A value is out of its range, or a mask is of another space.</exception>
    public static Figure1 Measure(IYardstick yardstick, Figure1Options? options = null, IProgress<string>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(yardstick);
        options ??= new();
        options.Validate(yardstick.Space);
        var (count, seed, percent) = (options.Architectures, options.Seed, options.Level.ToString("0.##%", CultureInfo.InvariantCulture));
        var space = Accuracies(new GenotypeSampler(OperationMask.Full(yardstick.Space)).Draw(count, seed));
        var series = new List<Figure1Series> { new("the space", space, null, null, null, Tail, Tail) };
        progress?.Report(series[0].Name);
        Add($"{percent} at random, a mask per architecture", () => OfOwnMasks(yardstick.Space, options, cancellationToken));
        for (var n = 0; n < options.RandomMasks; n++)
        {
            var mask = RandomPruning.Mask(yardstick.Space, options.Level, seed + n);
            Add($"{percent} at random, mask of seed {seed + n}", () => new GenotypeSampler(mask).Draw(count, seed));
        }
        foreach (var (name, mask) in options.Masks)
            Add(name, () => new GenotypeSampler(mask).Draw(count, seed));
        return new(series);

        double[] Accuracies(IReadOnlyList<Genotype> genotypes) => [.. yardstick.Accuracies(genotypes, cancellationToken).Order()];

        void Add(string name, Func<IReadOnlyList<Genotype>> draw)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var drawn = Accuracies(draw());
            var (wasserstein, kolmogorovSmirnov) = DistributionDistance.Bootstrap(space, drawn, seed);
            series.Add(new(name, drawn, wasserstein, kolmogorovSmirnov,
                DistributionDistance.Bootstrap(Standardised(space), Standardised(drawn), seed).KolmogorovSmirnov,
                drawn.Average(at => at > QuantileTable.At(space, 1 - Tail) ? 1.0 : 0),
                drawn.Average(at => at < QuantileTable.At(space, Tail) ? 1.0 : 0)));
            progress?.Report(name);
        }
    }

    /// <summary>
    /// Writes <c>figure1.svg</c>, <c>figure1.csv</c> (the histograms: share of the architectures per bin) and <c>figure1-series.csv</c>
    /// (moments, quantiles, tails and distances).
    /// </summary>
    /// <param name="folder">Made where it is missing.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Text("figure1.svg", ToSvg());
        Text("figure1.csv", HistogramCsv());
        Text("figure1-series.csv", SeriesCsv());

        void Text(string name, string text) =>
            AtomicFile.Write(Path.Combine(folder, name), stream => stream.Write(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>The figure as an SVG picture.</summary>
    public string ToSvg()
    {
        var model = new PlotModel
        {
            Title = "Accuracies of architectures, by how they were drawn", TitleFontSize = 15, TitleFontWeight = FontWeights.Normal,
            DefaultFont = "sans-serif",
            PlotAreaBorderColor = OxyColors.Gray, Background = OxyColors.White,
        };
        model.Legends.Add(new Legend { LegendPosition = LegendPosition.TopLeft, LegendFontSize = 11 });
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Bottom, Title = "accuracy, %" });
        model.Axes.Add(new LinearAxis
        {
            Position = AxisPosition.Left, Title = "share of architectures per bin, %", Minimum = 0, AxisTitleDistance = 14,
        });
        var (first, width, shares) = Histogram();
        foreach (var (s, series) in Series.Index())
        {
            var line = new LineSeries
            {
                Title = series.Name, StrokeThickness = s == 0 ? 2.5 : 1.3,
                Color = s == 0 ? OxyColors.Black : Colour(s - 1),
            };
            for (var bin = 0; bin < Bins; bin++)
                line.Points.Add(new(first + (bin + 0.5) * width, 100 * shares[s][bin]));
            model.Series.Add(line);
        }
        return SvgExporter.ExportToString(model, 900, 560, isDocument: true, new WideText(), useVerticalTextAlignmentWorkaround: true);
    }

    /// <summary>Moments, tails and distances as a table of Markdown.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder(
            "| architectures | mean | deviation | median | 90th percentile | in the space's best tenth | in its worst | " +
            "Wasserstein | KS | KS of the shape |\n|---|---|---|---|---|---|---|---|---|---|\n");
        foreach (var at in Series)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"| {at.Name} | {at.Mean:0.00} | {at.Deviation:0.00} | {at.Quantile(0.5):0.00} | {at.Quantile(0.9):0.00} | ");
            text.Append(CultureInfo.InvariantCulture,
                $"{at.UpperTail:0.0%} | {at.LowerTail:0.0%} | {at.Wasserstein} | {at.KolmogorovSmirnov} | {at.ShapeKolmogorovSmirnov} |\n");
        }
        return text.ToString();
    }

    private string HistogramCsv()
    {
        var (first, width, shares) = Histogram();
        var text = new StringBuilder($"from,to,{string.Join(",", Series.Select(at => Quoted(at.Name)))}\n");
        for (var bin = 0; bin < Bins; bin++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{first + bin * width:0.####},{first + (bin + 1) * width:0.####},");
            text.Append(string.Join(",", shares.Select(share => share[bin].ToString("0.######", CultureInfo.InvariantCulture))));
            text.Append('\n');
        }
        return text.ToString();
    }

    private string SeriesCsv()
    {
        var text = new StringBuilder("series,architectures,mean,deviation,");
        text.Append(string.Join(",", s_quantiles.Select(share => FormattableString.Invariant($"q{100 * share:00}"))));
        text.Append(",upper_tail,lower_tail");
        foreach (var distance in (string[])["wasserstein", "ks", "shape_ks"])
            text.Append(CultureInfo.InvariantCulture, $",{distance},{distance}_low,{distance}_high");
        text.Append('\n');
        foreach (var at in Series)
        {
            double?[] numbers =
            [
                at.Mean, at.Deviation, .. s_quantiles.Select(share => (double?)at.Quantile(share)), at.UpperTail, at.LowerTail,
                .. ((Interval?[])[at.Wasserstein, at.KolmogorovSmirnov, at.ShapeKolmogorovSmirnov])
                    .SelectMany(distance => (double?[])[distance?.Value, distance?.Low, distance?.High]),
            ];
            text.Append(CultureInfo.InvariantCulture, $"{Quoted(at.Name)},{at.Accuracies.Count},");
            text.Append(string.Join(",", numbers.Select(number => number?.ToString("0.#####", CultureInfo.InvariantCulture)))).Append('\n');
        }
        return text.ToString();
    }

    // What lies outside counts in the first or the last bin.
    private (double First, double Width, double[][] Shares) Histogram()
    {
        var (first, last) = (Series.Min(at => at.Quantile(Cut)), Series.Max(at => at.Quantile(1 - Cut)));
        var width = Math.Max((last - first) / Bins, 1e-6);
        return (first, width, [.. Series.Select(at =>
        {
            var shares = new double[Bins];
            foreach (var accuracy in at.Accuracies)
                shares[(int)Math.Clamp((accuracy - first) / width, 0, Bins - 1)] += 1.0 / at.Accuracies.Count;
            return shares;
        })]);
    }

    private static Genotype[] OfOwnMasks(SearchSpace space, Figure1Options options, CancellationToken cancellationToken)
    {
        using var seeds = RandomStream.Of(options.Seed, "masks of single architectures");
        var genotypes = new Genotype[options.Architectures];
        Parallel.ForEach(Partitioner.Create(0, genotypes.Length), new ParallelOptions { CancellationToken = cancellationToken }, range =>
        {
            for (var i = range.Item1; i < range.Item2; i++)
            {
                using var stream = seeds.Child($"architecture {i}");
                genotypes[i] = new GenotypeSampler(RandomPruning.Mask(space, options.Level, stream.Seed)).Next(stream.Random);
            }
        });
        return genotypes;
    }

    private static double[] Standardised(double[] values)
    {
        var mean = values.Average();
        var deviation = Math.Sqrt(values.Sum(at => (at - mean) * (at - mean)) / values.Length);
        return [.. values.Select(at => (at - mean) / Math.Max(deviation, double.Epsilon))];
    }

    private static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static OxyColor Colour(int n) => OxyColor.FromHsv(n * 0.381966 % 1, 0.75, 0.8);

    /// <summary>
    /// Which font a viewer has is not known here, and a legend is cut off where its text is said to end: room for the widest usual one.
    /// </summary>
    private sealed class WideText() : PdfRenderContext(900, 560, OxyColors.White)
    {
        private const double LetterWidth = 0.63, LineHeight = 1.25;

        public override OxySize MeasureText(string text, string fontFamily, double fontSize, double fontWeight)
        {
            var lines = (text ?? "").Split('\n');
            return new(LetterWidth * fontSize * lines.Max(line => line.Length), LineHeight * fontSize * lines.Length);
        }
    }
}
