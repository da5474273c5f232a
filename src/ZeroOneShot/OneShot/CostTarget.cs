using System.Globalization;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.OneShot;

/// <summary>
/// What the evaluation network of the found architecture may cost: either its parameters or its multiply-adds, at most as many as the
/// target and at least 95 % of it where the space has such a network.
/// </summary>
/// <remarks>
/// <para>Two things keep to it. The architecture loss gains <see cref="Weight"/> times the square of the relative distance of the expected
/// cost from that range. And the genotype, after every epoch and at the end, is the one of the highest score among all those whose real
/// cost lies within the range, or the dearest below it where there is none: exact, by dynamic programming over nodes and costs (spaces with
/// more than 100,000 distinct costs a kind of cell are searched on a raster that fine).</para>
/// <para>A target below the cheapest network of the space, under the mask, is refused before the search begins. One at or above the dearest
/// has no effect.</para>
/// </remarks>
public sealed record CostTarget
{
    /// <summary>The share of the target from which on it is met.</summary>
    public const double LowestShare = 0.95;

    // Enough that draws differ, few enough that one takes milliseconds.
    private const int CostsOfADraw = 1000;

    /// <summary>The most parameters, without the auxiliary head. Default null: multiply-adds are limited.</summary>
    public long? Parameters { get; init; }

    /// <summary>The most multiply-adds for one image of the search's size. Default null: parameters are limited.</summary>
    public long? MultiplyAdds { get; init; }

    /// <summary>
    /// The evaluation network whose cost is meant; give the training the same shape. Images and classes are those of the search. Default:
    /// 36 channels, 20 cells.
    /// </summary>
    public CellNetOptions Network { get; init; } = new();

    /// <summary>
    /// The weight of the term in the architecture loss, at least 0; at 0 the reading alone keeps to the target. Default 1.
    /// </summary>
    public double Weight { get; init; } = 1;

    /// <summary>
    /// Draws genotypes that meet the target, for a search without training (<see cref="ZeroShot.ZeroShotSearchOptions.Draw"/>): of random
    /// scores of all choices, the genotype of the highest score within the range, or the dearest below it where there is none.
    /// </summary>
    /// <param name="mask">What the genotypes are drawn from.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <returns>What draws one; null where every network of the mask is at most as dear as the target.</returns>
    /// <exception cref="ArgumentException">
    /// Not exactly one cost is limited, a value is out of its range, or no network is so cheap; the message says what the cheapest and the
    /// dearest cost.
    /// </exception>
    public Func<Random, Genotype>? Draws(OperationMask mask, ImageShape shape, int classes)
    {
        ArgumentNullException.ThrowIfNull(mask);
        Validate();
        mask.ThrowIfNoGenotype();
        return Costs(mask, new SoftmaxRelaxation(), shape, classes) is not { } costs ? null : random =>
            GenotypeChoices.Of(mask, (_, _, _) => random.NextDouble()).Strongest(costs, Least, Most, CostsOfADraw);
    }

    /// <summary>The target in words, for example <c>300000 parameters</c>.</summary>
    public override string ToString() => InWords(Parameters ?? MultiplyAdds);

    /// <summary>A cost of the kind that is limited, in words.</summary>
    internal string InWords(long? cost) =>
        string.Create(CultureInfo.InvariantCulture, $"{cost} {(Parameters is null ? "multiply-adds" : "parameters")}");

    /// <summary>The most that a network may cost.</summary>
    internal long Most => Parameters ?? MultiplyAdds!.Value;

    /// <summary>The least that a network is to cost.</summary>
    internal long Least => (long)Math.Ceiling(LowestShare * Most);

    /// <summary>The cost that is limited.</summary>
    internal long Of(NetworkCost cost) => Parameters is null ? cost.MultiplyAdds : cost.Parameters;

    /// <exception cref="ArgumentException">Not exactly one cost is limited, or a value is out of its range.</exception>
    internal void Validate()
    {
        if (Parameters is null == MultiplyAdds is null)
        {
            throw new ArgumentException($"CostTarget has Parameters {Parameters?.ToString() ?? "null"} and MultiplyAdds " +
                $"{MultiplyAdds?.ToString() ?? "null"}; expected one of the two.");
        }
        if (Most < 1)
            throw new ArgumentException($"CostTarget is {this}; expected a positive number.");
        ArgumentNullException.ThrowIfNull(Network);
        Network.Validate();
        Checked.NotNegative(Weight, $"{nameof(CostTarget)}.{nameof(Weight)}");
    }

    /// <summary>The costs to keep to; null where every network of the space meets the target.</summary>
    /// <exception cref="ArgumentException">No network is so cheap; the message says what the cheapest and the dearest cost.</exception>
    /// <param name="mask">What the networks are of.</param>
    /// <param name="relaxation">The reading, which says whether two edges may share an input.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="remedy">What may be done where no network is so cheap.</param>
    internal GenotypeCosts? Costs(OperationMask mask, Relaxation relaxation, ImageShape shape, int classes,
        string remedy = "Allow as many, or give CostTarget.Network fewer channels or cells.")
    {
        var costs = new GenotypeCosts(mask, this, shape, classes);
        var (cheapest, dearest) = GenotypeChoices.Of(mask, relaxation.MayShareInput).Range(costs);
        if (Most < cheapest)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"CostTarget is {this}, but the cheapest network of {mask} with " +
                $"{Network.Channels} channels and {Network.Cells} cells has " +
                $"{cheapest}, the dearest {dearest}. {remedy}"));
        }
        return Most < dearest ? costs : null;
    }
}
