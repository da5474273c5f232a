using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>What tells the accuracy of architectures without training them: a surrogate, or a table that has all of a space.</summary>
public interface IYardstick
{
    /// <summary>The search space whose architectures it knows.</summary>
    SearchSpace Space { get; }

    /// <summary>The accuracies of genotypes drawn from the whole space, in percent.</summary>
    QuantileTable RandomGenotypes { get; }

    /// <summary>The accuracies of architectures, predicted or measured, in percent and in their order.</summary>
    /// <param name="genotypes">Genotypes of <see cref="Space"/>.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ArgumentException">One is of another space; the message names both.</exception>
    IReadOnlyList<double> Accuracies(IReadOnlyList<Genotype> genotypes, CancellationToken cancellationToken = default);

    /// <summary>
    /// The share of the genotypes of the space that are less accurate than this one, in percent: 50 is what chance finds.
    /// </summary>
    /// <param name="genotype">A genotype of <see cref="Space"/>.</param>
    /// <exception cref="ArgumentException">It is of another space; the message names both.</exception>
    double Percentile(Genotype genotype) => RandomGenotypes.Percentile(Accuracies([genotype])[0]);
}
