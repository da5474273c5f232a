using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>The paper's random baseline: the RND methods.</summary>
public static class RandomPruning
{
    /// <summary>
    /// Keeps every operation with a probability. An edge that keeps none that a genotype can choose gets one of those back, each with the
    /// same chance.
    /// </summary>
    /// <param name="space">The search space.</param>
    /// <param name="level">xi: the probability to keep an operation, in [0, 1].</param>
    /// <param name="seed">Decides the mask.</param>
    /// <exception cref="ArgumentOutOfRangeException">The level is no probability.</exception>
    public static OperationMask Mask(SearchSpace space, double level, long seed)
    {
        ArgumentNullException.ThrowIfNull(space);
        if (level is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(level), level, "The level is the probability to keep an operation, from 0 to 1.");
        using var stream = RandomStream.Of(seed, "random mask");
        var random = stream.Random;
        var kept = new HashSet<(CellKind, int, int)>();
        foreach (var kind in space.Kinds)
        {
            for (var edge = 0; edge < space.Topology.EdgeCount; edge++)
            {
                var choosable = Enumerable.Range(0, space.Operations.Count)
                    .Where(row => space.Operations[row].CanBeChosen && space.Allows(kind, edge, row)).ToArray();
                for (var row = 0; row < space.Operations.Count; row++)
                {
                    if (space.Allows(kind, edge, row) && random.NextDouble() < level)
                        kept.Add((kind, edge, row));
                }
                if (!choosable.Any(row => kept.Contains((kind, edge, row))))
                    kept.Add((kind, edge, choosable[random.Next(choosable.Length)]));
            }
        }
        return OperationMask.Create(space, (kind, edge, row) => kept.Contains((kind, edge, row)));
    }
}
