using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>What a mask leaves of a search space: the accuracies of genotypes drawn from it.</summary>
public sealed class MaskYield
{
    private const double Upper = 0.9;

    /// <summary>The mean accuracy, in percent.</summary>
    public required double Mean { get; init; }

    /// <summary>The upper tail, in percent: the accuracy that a tenth of the genotypes exceed.</summary>
    public required double UpperTail { get; init; }

    /// <summary>Measures a mask.</summary>
    /// <param name="mask">The mask.</param>
    /// <param name="yardstick">What tells the accuracies, of the mask's space.</param>
    /// <param name="genotypes">How many are drawn. Default 2000; at least 2.</param>
    /// <param name="seed">Decides them. Default 0.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ArgumentException">Mask and yardstick are of different spaces; the message names both.</exception>
    public static MaskYield Of(
        OperationMask mask, IYardstick yardstick, int genotypes = 2000, long seed = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(yardstick);
        ArgumentOutOfRangeException.ThrowIfLessThan(genotypes, 2);
        if (mask.Space.Name != yardstick.Space.Name)
        {
            throw new ArgumentException(
                $"The mask is of search space '{mask.Space.Name}', the yardstick of '{yardstick.Space.Name}'; give both of one space.");
        }
        var accuracies = yardstick.Accuracies(new GenotypeSampler(mask).Draw(genotypes, seed), cancellationToken).Order().ToArray();
        return new() { Mean = accuracies.Average(), UpperTail = QuantileTable.At(accuracies, Upper) };
    }
}
