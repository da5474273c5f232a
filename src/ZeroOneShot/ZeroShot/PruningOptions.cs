using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// The settings of zero-shot pruning. The defaults are those that leave half of the operations, as the paper's memory figures and the
/// public ETENAS launcher do: <c>none</c> goes first, at no cost, then, in DARTS, three operations per edge in a round. The printed
/// Algorithm 1 to the letter is <c>{ ExcludeNone = false, OperationsPerRound = 1 }</c>.
/// </summary>
public sealed record PruningOptions
{
    /// <summary>
    /// xi: pruning stops when no more than this fraction of the space remains, in [0, 1]. Default 0.5. At 0 one operation per edge is left.
    /// </summary>
    public double Level { get; init; } = 0.5;

    /// <summary>
    /// What the fraction counts: architectures among those of the mask that the first round starts from, or operations among those of the
    /// whole space. Default <see cref="RemainingCriterion.Architectures"/>.
    /// </summary>
    public RemainingCriterion Criterion { get; init; } = RemainingCriterion.Architectures;

    /// <summary>Whether <c>none</c> is removed from every edge before the first round. Default true.</summary>
    public bool ExcludeNone { get; init; } = true;

    /// <summary>
    /// How many operations an edge loses per round, at least 1. Default null: so many that no more than half of those that the space has on
    /// an edge are left after the first round, 3 in DARTS.
    /// </summary>
    public int? OperationsPerRound { get; init; }

    /// <summary>How many operations an edge loses per round.</summary>
    /// <param name="start">The mask that the first round starts from.</param>
    internal int LostPerRound(OperationMask start) => OperationsPerRound ?? Math.Max(1, start.AllEdges.Max(at =>
        start.LiveCount(at.Kind, at.Edge) - start.AllowedCount(at.Kind, at.Edge) / 2));

    /// <summary>
    /// What is summed over several ranking functions. Default <see cref="ImportanceSum.RelativeChanges"/>, as Algorithm 1 has it.
    /// </summary>
    public ImportanceSum Sum { get; init; } = ImportanceSum.RelativeChanges;

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        if (Level is not (>= 0 and <= 1))
            throw new ArgumentException($"Level is {Level}; expected the remaining fraction, from 0 to 1.");
        if (!Enum.IsDefined(Sum))
            throw new ArgumentException($"Sum is {Sum}; expected one of {string.Join(", ", Enum.GetNames<ImportanceSum>())}.");
        if (OperationsPerRound < 1)
            throw new ArgumentException($"OperationsPerRound is {OperationsPerRound}; expected at least 1.");
    }
}
