using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>
/// The yardstick of <see cref="SearchSpace.NasBench201"/>: its 15,625 architectures are few enough that all have been trained, and their
/// accuracies are looked up. The table is not part of this library.
/// </summary>
public sealed class NasBench201Table : IYardstick
{
    private readonly Dictionary<string, double> _accuracies;

    private NasBench201Table(Dictionary<string, double> accuracies)
    {
        _accuracies = accuracies;
        RandomGenotypes = new QuantileTable(accuracies.Values, steps: 10_000);
    }

    /// <summary><see cref="SearchSpace.NasBench201"/>.</summary>
    public SearchSpace Space => SearchSpace.NasBench201;

    /// <summary>The accuracies of all architectures of the table, in percent.</summary>
    public QuantileTable RandomGenotypes { get; }

    /// <summary>Number of architectures.</summary>
    public int Count => _accuracies.Count;

    /// <summary>Reads a table.</summary>
    /// <param name="path">A file in the form of <see cref="ArchitectureTable"/>.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">
    /// A line is not understood, has an architecture of another space or no accuracy, or one stands twice; the message says which.
    /// </exception>
    public static NasBench201Table Read(string path)
    {
        var accuracies = new Dictionary<string, double>();
        foreach (var (genotype, accuracy) in ArchitectureTable.ReadMeasured(path))
        {
            try
            {
                genotype.ThrowIfNotIn(SearchSpace.NasBench201);
            }
            catch (ArgumentException e)
            {
                throw new InvalidDataException(
                    $"'{path}' has architectures of another space than '{SearchSpace.NasBench201.Name}': {e.Message}", e);
            }
            if (!accuracies.TryAdd(genotype.ToString(), accuracy))
                throw new InvalidDataException($"'{path}' has {genotype} twice; expected every architecture once.");
        }
        return new(accuracies);
    }

    /// <summary>The measured accuracy of an architecture, in percent.</summary>
    /// <param name="genotype">One of <see cref="SearchSpace.NasBench201"/>.</param>
    /// <exception cref="ArgumentException">It is of another space, the message names both; or the table does not have it.</exception>
    public double Accuracy(Genotype genotype)
    {
        ArgumentNullException.ThrowIfNull(genotype);
        if (_accuracies.TryGetValue(genotype.ToString(), out var accuracy))
            return accuracy;
        try
        {
            genotype.ThrowIfNotIn(SearchSpace.NasBench201);
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException(
                $"The genotype is of {AccuracySurrogate.NameOfSpace(genotype)}; the table knows the accuracies of search space " +
                $"'{SearchSpace.NasBench201.Name}' alone. Give a genotype of it. {e.Message}", nameof(genotype), e);
        }
        throw new ArgumentException(
            $"The table does not have {genotype} among its {Count} architectures; read the whole table.", nameof(genotype));
    }

    /// <inheritdoc/>
    public IReadOnlyList<double> Accuracies(IReadOnlyList<Genotype> genotypes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(genotypes);
        return [.. genotypes.Select(Accuracy)];
    }

    /// <summary>The share of the architectures that are less accurate, in percent.</summary>
    /// <inheritdoc cref="Accuracy"/>
    public double Percentile(Genotype genotype) => RandomGenotypes.Percentile(Accuracy(genotype));
}
