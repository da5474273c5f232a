using System.Collections.Concurrent;
using System.IO.Compression;
using System.Reflection;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>
/// The yardstick of the DARTS space: the accuracy on CIFAR-10 that a genotype's network would have, predicted by an ML.NET model that was
/// trained on architectures with measured accuracies (of NAS-Bench-301: 8 cells, 32 channels, 97 training epochs). In a moment it says what
/// a search found is worth among all that could be found; it does not say what other images or longer training would make of it.
/// </summary>
/// <remarks>
/// The model is a linear one and an ensemble of trees, on features that are equal for equal networks however they are written. It is an
/// ordinary ML.NET model; predictions are computed from its numbers alone, some hundred thousand a second and more, and are those of its
/// pipeline. Nothing of it needs libtorch. Safe to use from several threads at once. No architecture that it knows has two edges into
/// a node from the same input; predictions for such are marked (<see cref="AccuracyEstimate.IsExtrapolated"/>).
/// </remarks>
public sealed class AccuracySurrogate : IYardstick
{
    internal const int Version = 1;
    private const string FactsEntry = "yardstick.json";
    private const int RowsOfAChunk = 2048;

    private static readonly JsonSerializerOptions s_strict = new()
    {
        RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true,
    };

    private static readonly Lazy<AccuracySurrogate> s_shipped = new(LoadShipped);
    private static readonly Dictionary<string, int> s_names =
        SearchSpace.Darts.Operations.Where(row => row.CanBeChosen).Index().ToDictionary(at => at.Item.Name, at => at.Index);

    private readonly MLContext _context;
    private readonly ITransformer _model;
    private readonly DataViewSchema _schema;
    private readonly FlatSurrogate _flat;
    private readonly SurrogateFacts _facts;

    internal AccuracySurrogate(MLContext context, ITransformer model, DataViewSchema schema, SurrogateFacts facts)
    {
        (_context, _model, _schema, _facts, _flat) = (context, model, schema, facts, new FlatSurrogate(context, model));
        RandomGenotypes = QuantileTable.Of(facts.RandomGenotypes);
        Measured = QuantileTable.Of(facts.Measured);
    }

    /// <summary><see cref="SearchSpace.Darts"/>.</summary>
    public SearchSpace Space => SearchSpace.Darts;

    /// <summary>How far it is off on architectures that it had not seen.</summary>
    public SurrogateErrors Errors => _facts.Errors;

    /// <summary>The predicted accuracies of 100,000 genotypes drawn from the whole space, in percent.</summary>
    public QuantileTable RandomGenotypes { get; }

    /// <summary>The measured accuracies that it was trained on, in percent.</summary>
    public QuantileTable Measured { get; }

    /// <summary>The surrogate that comes with this library.</summary>
    public static AccuracySurrogate Load() => s_shipped.Value;

    /// <summary>One that <see cref="Save"/> wrote.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is no surrogate, or one of another version; the message says which.</exception>
    public static AccuracySurrogate Load(string path)
    {
        using var file = InputFile.Open(path, "a surrogate that AccuracySurrogate.Save wrote");
        using (var zip = CheckedZip.Open(file, path))
        {
            CheckedZip.ThrowIfLarger(zip, file, path);
            foreach (var entry in zip.Entries)
                CheckedZip.Verify(entry, path);
        }
        file.Position = 0;
        return Load(file, path);
    }

    /// <summary>Writes an ordinary ML.NET zip, with its errors and distributions in one more entry.</summary>
    /// <param name="path">The file to write or replace.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(string path) => AtomicFile.Write(path, stream =>
    {
        _context.Model.Save(_model, _schema, stream);
        using var zip = new ZipArchive(stream, ZipArchiveMode.Update, leaveOpen: true);
        using var facts = zip.CreateEntry(FactsEntry).Open();
        JsonSerializer.Serialize(facts, _facts);
    });

    /// <summary>The accuracy that the network of a genotype would have.</summary>
    /// <param name="genotype">A genotype of <see cref="SearchSpace.Darts"/>.</param>
    /// <exception cref="ArgumentException">It is of another space; the message names both.</exception>
    public AccuracyEstimate Predict(Genotype genotype)
    {
        ArgumentNullException.ThrowIfNull(genotype);
        ThrowIfOther(genotype, "The genotype");
        return Estimate(genotype);
    }

    /// <summary>The same for many genotypes at once, on all processors.</summary>
    /// <param name="genotypes">Genotypes of <see cref="SearchSpace.Darts"/>.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>The predictions, in the order of the genotypes.</returns>
    /// <exception cref="ArgumentException">One is of another space; the message names both, and says which one it is.</exception>
    public IReadOnlyList<AccuracyEstimate> Predict(IReadOnlyList<Genotype> genotypes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(genotypes);
        for (var i = 0; i < genotypes.Count; i++)
            ThrowIfOther(genotypes[i], genotypes.Count > 1 ? $"Genotype {i}" : "The genotype");
        var estimates = new AccuracyEstimate[genotypes.Count];
        Parallel.ForEach(Partitioner.Create(0, Math.Max(1, genotypes.Count), RowsOfAChunk),
            new ParallelOptions { CancellationToken = cancellationToken }, range =>
            {
                for (var i = range.Item1; i < Math.Min(range.Item2, genotypes.Count); i++)
                    estimates[i] = Estimate(genotypes[i]);
            });
        return estimates;
    }

    /// <summary>
    /// The share of all genotypes of the space whose prediction is below that of this one, in percent: 50 is what chance finds. The unit in
    /// which results of searches compare.
    /// </summary>
    /// <param name="genotype">A genotype of <see cref="SearchSpace.Darts"/>.</param>
    /// <exception cref="ArgumentException">It is of another space; the message names both.</exception>
    public double Percentile(Genotype genotype) => RandomGenotypes.Percentile(Predict(genotype).Accuracy);

    /// <inheritdoc/>
    public IReadOnlyList<double> Accuracies(IReadOnlyList<Genotype> genotypes, CancellationToken cancellationToken = default) =>
        [.. Predict(genotypes, cancellationToken).Select(at => at.Accuracy)];

    /// <summary>The same by ML.NET, to compare with.</summary>
    internal IEnumerable<double> PredictByPipeline(IEnumerable<Genotype> genotypes) =>
        _model.Transform(GenotypeRow.View(_context, genotypes.Select(GenotypeRow.Of))).GetColumn<float>("Score")
            .Select(score => (double)score);

    /// <summary>
    /// The check of <see cref="Genotype.ThrowIfNotIn"/>, made fast for those that pass it, and with the name of the other space.
    /// </summary>
    internal static void ThrowIfOther(Genotype? genotype, string which)
    {
        if (genotype is null)
            throw new ArgumentException($"{which} is null; give one of search space '{SearchSpace.Darts.Name}'.");
        if (IsOfDarts(genotype.Normal) && genotype.Reduction is { } reduction && IsOfDarts(reduction))
            return;
        var expected = $"the surrogate knows the accuracies of search space '{SearchSpace.Darts.Name}' alone. Give a genotype of it";
        try
        {
            genotype.ThrowIfNotIn(SearchSpace.Darts);
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"{which} is of {NameOfSpace(genotype)}; {expected}. {e.Message}", e);
        }
        throw new ArgumentException(
            $"{which} has a cell whose output leaves nodes out; {expected} in which it is made of all four, as in NAS-Bench-301.");
    }

    internal static string NameOfSpace(Genotype genotype) => SearchSpace.All.FirstOrDefault(space => IsIn(space, genotype)) is { } space
        ? $"search space '{space.Name}'"
        : "another search space";

    private static bool IsIn(SearchSpace space, Genotype genotype)
    {
        try
        {
            genotype.ThrowIfNotIn(space);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private AccuracyEstimate Estimate(Genotype genotype) => _facts.Intervals.Around(_flat.Predict(genotype)) with
    {
        IsExtrapolated = SharesInput(genotype.Normal) || SharesInput(genotype.Reduction!),
    };

    /// <summary>Whether both edges into a node come from the same input.</summary>
    private static bool SharesInput(CellGenotype cell)
    {
        for (var edge = 0; edge < cell.Edges.Count; edge += 2)
        {
            if (cell.Edges[edge].Input == cell.Edges[edge + 1].Input)
                return true;
        }
        return false;
    }

    private static bool IsOfDarts(CellGenotype cell)
    {
        var topology = SearchSpace.Darts.Topology;
        if (cell.Inputs != topology.Inputs || cell.Nodes != topology.Nodes || cell.Concat.Count != cell.Nodes || cell.Edges.Count != 8)
            return false;
        for (var node = 0; node < cell.Nodes; node++)
        {
            if (!cell.EdgesInto(node).Equals((2 * node)..(2 * node + 2)))
                return false;
        }
        foreach (var edge in cell.Edges)
        {
            if (!s_names.ContainsKey(edge.Operation))
                return false;
        }
        return true;
    }

    private static AccuracySurrogate LoadShipped()
    {
        const string name = "surrogate.zip";
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException(
                "This build of ZeroOneShot.Yardstick has no surrogate; train one (benchmarks -- train-surrogate) and build it again.");
        return Load(stream, name);
    }

    private static AccuracySurrogate Load(Stream stream, string name)
    {
        try
        {
            SurrogateFacts facts;
            using (var zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true))
            {
                using var entry = zip.GetEntry(FactsEntry)?.Open() ?? throw new InvalidDataException($"it has no entry '{FactsEntry}'");
                facts = JsonSerializer.Deserialize<SurrogateFacts>(entry, s_strict)
                    ?? throw new InvalidDataException($"'{FactsEntry}' is null");
            }
            if (facts.Version != Version || facts.Space != SearchSpace.Darts.Name || facts.Features != GenotypeFeatures.LinearCount)
            {
                throw new InvalidDataException(
                    $"it is of version {facts.Version} and search space '{facts.Space}' with {facts.Features} features, where this " +
                    $"library has version {Version} and '{SearchSpace.Darts.Name}' with {GenotypeFeatures.LinearCount}; train it anew");
            }
            stream.Position = 0;
            var context = new MLContext(seed: 1);
            // Whose loaders ML.NET would not look for by itself.
            context.ComponentCatalog.RegisterAssembly(typeof(Microsoft.ML.Trainers.FastTree.FastTreeRegressionTrainer).Assembly);
            var model = context.Model.Load(stream, out var schema);
            return new(context, model, schema, facts);
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or InvalidOperationException or FormatException
            or NotSupportedException or ArgumentException or TargetInvocationException or EndOfStreamException)
        {
            throw new InvalidDataException($"'{name}' is no accuracy surrogate: {e.Message.TrimEnd('.')}.", e);
        }
    }
}
