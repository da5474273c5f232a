using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>What a network is worth without one of its operations.</summary>
/// <param name="Kind">The kind of cell.</param>
/// <param name="Edge">The edge, from 0.</param>
/// <param name="Operation">The row of the operation table.</param>
/// <param name="Ranks">r(N without j) of every ranking function.</param>
/// <param name="Importance">s_j: the sum of (r(N) - r(N without j)) / |r(N)|; the smallest goes first.</param>
public sealed record CandidateImportance(CellKind Kind, int Edge, int Operation, IReadOnlyList<double> Ranks, double Importance);
