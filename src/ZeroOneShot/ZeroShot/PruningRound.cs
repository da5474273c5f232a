using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>One round of Algorithm 1.</summary>
/// <param name="importances"><see cref="Importances"/>.</param>
/// <param name="mask"><see cref="Mask"/>.</param>
public sealed class PruningRound(ImportanceMeasurement importances, OperationMask mask)
{
    /// <summary>s_j of every live operation before the round, with the ranks behind it.</summary>
    public ImportanceMeasurement Importances { get; } = importances;

    /// <summary>The mask after the round.</summary>
    public OperationMask Mask { get; } = mask;
}
