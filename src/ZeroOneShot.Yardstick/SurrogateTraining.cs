using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using Microsoft.ML.Trainers.FastTree;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>
/// Trains an <see cref="AccuracySurrogate"/> with ML.NET: a linear model (SDCA) and ensembles of trees (FastTree), added up with the
/// weights that fit best on architectures which none of them had seen.
/// </summary>
public static class SurrogateTraining
{
    private const string Score = "Score";
    private const double IntervalLevel = 0.9;
    private const int FewestRows = 200, RandomGenotypes = 100_000;

    private static readonly string[] s_parts = ["Linear", "Trees"];

    /// <summary>Trains on measured architectures, and measures itself by cross-validation.</summary>
    /// <param name="rows">Architectures of <see cref="SearchSpace.Darts"/>, at least 200.</param>
    /// <param name="folds">Of the cross-validation. Default 10; at least 2.</param>
    /// <param name="trees">Trees of the ensemble. Default 400; at least 1.</param>
    /// <param name="seed">Decides folds, trees and the random genotypes. The same seed gives the same surrogate. Default 1.</param>
    /// <param name="progress">Told after every model that was trained; there are one more than folds.</param>
    /// <param name="cancellationToken">Stops it between two models.</param>
    /// <exception cref="ArgumentException">There are fewer rows, or one is of another space.</exception>
    public static AccuracySurrogate Train(
        IReadOnlyList<MeasuredGenotype> rows, int folds = 10, int trees = 400, long seed = 1, IProgress<string>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(trees, 1);
        if (rows.Count < FewestRows)
            throw new ArgumentException($"There are {rows.Count} measured architectures; expected at least {FewestRows}.", nameof(rows));
        for (var i = 0; i < rows.Count; i++)
            AccuracySurrogate.ThrowIfOther(rows[i].Genotype, $"Genotype {i}");

        var measured = rows.Select(row => row.Accuracy).ToArray();
        var mean = measured.Average();
        var inputs = rows.Select(row => GenotypeRow.Of(row.Genotype)).ToArray();
        foreach (var (i, input) in inputs.Index())
            input.Label = (float)(measured[i] - mean);
        var fold = Folds(inputs, folds, seed);

        // Out of fold: every architecture is predicted by models that were trained without it.
        var parts = s_parts.Select(_ => new double[rows.Count]).ToArray();
        var done = 0;
        Parallel.For(0, folds, new ParallelOptions { CancellationToken = cancellationToken }, f =>
        {
            var context = Context(seed);
            var held = Enumerable.Range(0, rows.Count).Where(i => fold[i] == f).ToArray();
            var model = FitParts(context, inputs.Where((_, i) => fold[i] != f), trees);
            var predicted = model.Transform(GenotypeRow.View(context, held.Select(i => inputs[i])));
            foreach (var (p, part) in s_parts.Index())
            {
                foreach (var (n, value) in predicted.GetColumn<float>(part).Index())
                    parts[p][held[n]] = value;
            }
            progress?.Report($"fold {Interlocked.Increment(ref done)} of {folds}");
        });
        var labels = inputs.Select(input => (double)input.Label).ToArray();
        var predictions = new double[rows.Count];
        for (var f = 0; f < folds; f++)
        {
            // The weights too come from the other folds.
            var weights = Weights(parts, labels, i => fold[i] != f);
            for (var i = 0; i < rows.Count; i++)
            {
                if (fold[i] == f)
                    predictions[i] = mean + weights.Select((weight, p) => weight * parts[p][i]).Sum();
            }
        }

        var final = Context(seed);
        var ofParts = FitParts(final, inputs, trees);
        var view = GenotypeRow.View(final, inputs);
        var sum = final.Transforms.Expression(Score, Sum(Weights(parts, labels, _ => true), mean), s_parts).Fit(ofParts.Transform(view));
        var model = new TransformerChain<ITransformer>(ofParts, sum);
        progress?.Report("the whole");
        cancellationToken.ThrowIfCancellationRequested();

        var random = new GenotypeSampler(OperationMask.Full(SearchSpace.Darts)).Draw(RandomGenotypes, seed);
        var facts = new SurrogateFacts(AccuracySurrogate.Version, SearchSpace.Darts.Name, GenotypeFeatures.LinearCount,
            ErrorModel.Fit(predictions, measured, IntervalLevel), Errors(predictions, measured, fold, seed), [0, 100],
            [.. new QuantileTable(measured).Values]);
        var untold = new AccuracySurrogate(final, model, view.Schema, facts);
        return new(final, model, view.Schema, facts with
        {
            RandomGenotypes = [.. new QuantileTable(untold.Predict(random, cancellationToken).Select(at => at.Accuracy)).Values],
        });
    }

    // One thread each: sums in another order would make another model.
    private static MLContext Context(long seed) => new(unchecked((int)seed));

    private static TransformerChain<ITransformer> FitParts(MLContext context, IEnumerable<GenotypeRow> rows, int trees)
    {
        var view = GenotypeRow.View(context, rows.ToArray());
        var linear = context.Transforms
            .NormalizeMeanVariance("Scaled", nameof(GenotypeRow.LinearFeatures), maximumExampleCount: int.MaxValue, fixZero: false)
            .Append(context.Regression.Trainers.Sdca(new SdcaRegressionTrainer.Options
            {
                LabelColumnName = nameof(GenotypeRow.Label), FeatureColumnName = "Scaled", L1Regularization = 0, L2Regularization = 0.01f,
                MaximumNumberOfIterations = 100, ConvergenceTolerance = 1e-4f, NumberOfThreads = 1,
            }))
            .Append(context.Transforms.CopyColumns("Linear", Score));
        var ensemble = context.Regression.Trainers.FastTree(new FastTreeRegressionTrainer.Options
            {
                LabelColumnName = nameof(GenotypeRow.Label), FeatureColumnName = nameof(GenotypeRow.Features), NumberOfTrees = trees,
                NumberOfLeaves = 20, LearningRate = 0.06, MinimumExampleCountPerLeaf = 20, FeatureFraction = 0.3, BaggingSize = 1,
                BaggingExampleFraction = 0.7, NumberOfThreads = 1, Seed = 1, FeatureSelectionSeed = 2,
            })
            .Append(context.Transforms.CopyColumns("Trees", Score));
        return new TransformerChain<ITransformer>(linear.Fit(view), ensemble.Fit(view));
    }

    // Architectures that are one and the same network are in one fold.
    private static int[] Folds(IReadOnlyList<GenotypeRow> rows, int folds, long seed)
    {
        using var stream = RandomStream.Of(seed, "surrogate, folds");
        var order = Enumerable.Range(0, rows.Count).ToArray();
        stream.Random.Shuffle(order);
        var fold = new int[rows.Count];
        var known = new Dictionary<string, int>();
        foreach (var (n, i) in order.Index())
        {
            var key = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(
                System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(rows[i].LinearFeatures)));
            fold[i] = known.TryGetValue(key, out var other) ? other : known[key] = n % folds;
        }
        return fold;
    }

    /// <summary>The weights of the parts whose sum has the least square error.</summary>
    private static double[] Weights(double[][] parts, double[] labels, Func<int, bool> counts)
    {
        var (n, a, b) = (parts.Length, new double[parts.Length, parts.Length], new double[parts.Length]);
        for (var i = 0; i < labels.Length; i++)
        {
            for (var p = 0; counts(i) && p < n; p++)
            {
                b[p] += parts[p][i] * labels[i];
                for (var q = 0; q < n; q++)
                    a[p, q] += parts[p][i] * parts[q][i];
            }
        }
        // Gaussian elimination; the matrix is symmetric and positive.
        for (var p = 0; p < n; p++)
        {
            for (var r = p + 1; r < n; r++)
            {
                var factor = a[r, p] / a[p, p];
                for (var q = p; q < n; q++)
                    a[r, q] -= factor * a[p, q];
                b[r] -= factor * b[p];
            }
        }
        for (var p = n - 1; p >= 0; p--)
        {
            for (var q = p + 1; q < n; q++)
                b[p] -= a[p, q] * b[q];
            b[p] /= a[p, p];
        }
        return b;
    }

    // As ML.NET's expressions have it, with numbers of single precision.
    private static string Sum(double[] weights, double mean) => string.Create(CultureInfo.InvariantCulture,
        $"({string.Join(",", weights.Select((_, p) => $"x{p}"))}) => " +
        $"{string.Join(" + ", weights.Select((weight, p) => $"x{p} * {Number(weight)}"))} + {Number(mean)}");

    private static string Number(double value) => $"({value.ToString("0.0#######", CultureInfo.InvariantCulture)}f)";

    private static SurrogateErrors Errors(double[] predicted, double[] measured, int[] fold, long seed)
    {
        var order = Enumerable.Range(0, measured.Length).OrderBy(i => predicted[i]).ToArray();
        // Intervals of one half of the folds, tried on the other.
        var held = new bool[measured.Length];
        foreach (var half in (int[])[0, 1])
        {
            var known = Enumerable.Range(0, measured.Length).Where(i => fold[i] % 2 == half).ToArray();
            var errors = ErrorModel.Fit([.. known.Select(i => predicted[i])], [.. known.Select(i => measured[i])], IntervalLevel);
            for (var i = 0; i < measured.Length; i++)
            {
                if (fold[i] % 2 != half && errors.Around(predicted[i]) is var around)
                    held[i] = measured[i] >= around.Low && measured[i] <= around.High;
            }
        }
        return new()
        {
            Rows = measured.Length,
            Folds = fold.Max() + 1,
            Seed = seed,
            Spearman = RankCorrelation.Bootstrap(predicted, measured, RankCorrelation.Spearman, seed),
            RSquared = RankCorrelation.Bootstrap(predicted, measured, RankCorrelation.RSquared, seed),
            MeanAbsoluteError = predicted.Zip(measured, (p, m) => Math.Abs(p - m)).Average(),
            IntervalLevel = IntervalLevel,
            Coverage = held.Average(at => at ? 1.0 : 0),
            CoverageByDecile = [.. order.Chunk((order.Length + 9) / 10).Select(tenth => tenth.Average(i => held[i] ? 1.0 : 0))],
        };
    }
}
