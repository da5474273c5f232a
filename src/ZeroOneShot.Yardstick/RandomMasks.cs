using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Yardstick;

/// <summary>
/// What masks by chance leave of a search space, as the measure of what a pruning leaves: a ranking function that is worth its time leaves
/// more, by several of their standard deviations.
/// </summary>
public sealed class RandomMasks
{
    private readonly IYardstick _yardstick;
    private readonly int _genotypes;
    private readonly long _seed;

    private RandomMasks(IYardstick yardstick, IReadOnlyList<MaskYield> yields, int genotypes, long seed)
    {
        (_yardstick, Yields, _genotypes, _seed) = (yardstick, yields, genotypes, seed);
        (Mean, MeanDeviation) = Moments(yields.Select(at => at.Mean));
        (UpperTail, UpperTailDeviation) = Moments(yields.Select(at => at.UpperTail));
    }

    /// <summary>What every mask leaves.</summary>
    public IReadOnlyList<MaskYield> Yields { get; }

    /// <summary>The mean of <see cref="MaskYield.Mean"/> over the masks, in percent.</summary>
    public double Mean { get; }

    /// <summary>Its standard deviation over the masks, in percentage points.</summary>
    public double MeanDeviation { get; }

    /// <summary>The mean of <see cref="MaskYield.UpperTail"/> over the masks, in percent.</summary>
    public double UpperTail { get; }

    /// <summary>Its standard deviation over the masks, in percentage points.</summary>
    public double UpperTailDeviation { get; }

    /// <summary>
    /// Measures random masks of a mask's size: every edge keeps as many operations as it does there, and as many that a genotype can
    /// choose, but by chance. What a ranking function adds to the mere number of operations shows against these.
    /// </summary>
    /// <param name="yardstick">What tells the accuracies.</param>
    /// <param name="size">The mask whose size they have; of the yardstick's space.</param>
    /// <param name="masks">Number of masks. Default 100; at least 2.</param>
    /// <param name="genotypes">Drawn from every mask. Default 2000; at least 2.</param>
    /// <param name="seed">Decides masks and genotypes. Default 0.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ArgumentException">The mask is of another space; the message names both.</exception>
    public static RandomMasks OfSize(IYardstick yardstick, OperationMask size, int masks = 100, int genotypes = 2000, long seed = 0,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(yardstick);
        ArgumentNullException.ThrowIfNull(size);
        ArgumentOutOfRangeException.ThrowIfLessThan(masks, 2);
        return new(yardstick, [.. Enumerable.Range(0, masks).Select(n =>
            MaskYield.Of(Shuffled(size, seed + n), yardstick, genotypes, seed + n, cancellationToken))], genotypes, seed);
    }

    /// <summary>Measures random masks as the RND methods make them (<see cref="RandomPruning"/>).</summary>
    /// <param name="yardstick">What tells the accuracies.</param>
    /// <param name="level">xi: the probability to keep an operation. Default 0.5.</param>
    /// <param name="masks">Number of masks. Default 100; at least 2.</param>
    /// <param name="genotypes">Drawn from every mask. Default 2000; at least 2.</param>
    /// <param name="seed">Decides masks and genotypes. Default 0.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static RandomMasks Measure(IYardstick yardstick, double level = 0.5, int masks = 100, int genotypes = 2000, long seed = 0,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(yardstick);
        ArgumentOutOfRangeException.ThrowIfLessThan(masks, 2);
        return new(yardstick, [.. Enumerable.Range(0, masks).Select(n => MaskYield.Of(
            RandomPruning.Mask(yardstick.Space, level, seed + n), yardstick, genotypes, seed + n, cancellationToken))], genotypes, seed);
    }

    /// <summary>What a mask leaves, measured as the random masks were.</summary>
    /// <param name="mask">A mask of the yardstick's space.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ArgumentException">It is of another space; the message names both.</exception>
    public MaskYield Yield(OperationMask mask, CancellationToken cancellationToken = default) =>
        MaskYield.Of(mask, _yardstick, _genotypes, _seed, cancellationToken);

    /// <summary>
    /// By how many standard deviations of random masks a mask's mean accuracy is above theirs; below 0 where it is worse.
    /// </summary>
    /// <param name="yield">What the mask leaves.</param>
    public double Deviations(MaskYield yield) => (Checked(yield).Mean - Mean) / MeanDeviation;

    /// <summary>The same of the upper tails.</summary>
    /// <param name="yield">What the mask leaves.</param>
    public double UpperTailDeviations(MaskYield yield) => (Checked(yield).UpperTail - UpperTail) / UpperTailDeviation;

    private static OperationMask Shuffled(OperationMask size, long seed)
    {
        using var stream = RandomStream.Of(seed, "random mask of a size");
        var space = size.Space;
        var kept = new HashSet<(CellKind, int, int)>();
        foreach (var (kind, edge) in size.AllEdges)
        {
            foreach (var canBeChosen in (bool[])[true, false])
            {
                var rows = Enumerable.Range(0, space.Operations.Count)
                    .Where(row => space.Operations[row].CanBeChosen == canBeChosen && space.Allows(kind, edge, row)).ToArray();
                stream.Random.Shuffle(rows);
                foreach (var row in rows[..rows.Count(row => size[kind, edge, row])])
                    kept.Add((kind, edge, row));
            }
        }
        return OperationMask.Create(space, (kind, edge, row) => kept.Contains((kind, edge, row)));
    }

    private static MaskYield Checked(MaskYield yield)
    {
        ArgumentNullException.ThrowIfNull(yield);
        return yield;
    }

    private static (double Mean, double Deviation) Moments(IEnumerable<double> values)
    {
        var all = values.ToArray();
        var mean = all.Average();
        return (mean, Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / (all.Length - 1)));
    }
}
