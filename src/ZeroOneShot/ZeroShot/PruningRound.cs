using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>One round of Algorithm 1.</summary>
/// <param name="Importances">s_j of every live operation before the round, with the ranks behind it.</param>
/// <param name="Mask">The mask after the round.</param>
public sealed record PruningRound(ImportanceMeasurement Importances, OperationMask Mask);
