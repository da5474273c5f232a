using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>Algorithm 1, lines 2 to 9: the importance of every live operation, and the ranks behind it.</summary>
/// <param name="Functions">The names of the ranking functions.</param>
/// <param name="Ranks">r(N) of every ranking function, N being the network with all live operations.</param>
/// <param name="Candidates">The live operations: normal cell first, edge by edge, row by row.</param>
public sealed record ImportanceMeasurement(
    IReadOnlyList<string> Functions, IReadOnlyList<double> Ranks, IReadOnlyList<CandidateImportance> Candidates)
{
    /// <summary>s_j of a live operation.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="edge">The edge, from 0.</param>
    /// <param name="operation">The row of the operation table.</param>
    /// <exception cref="KeyNotFoundException">The operation was not live.</exception>
    public double this[CellKind kind, int edge, int operation] =>
        (Candidates.FirstOrDefault(j => (j.Kind, j.Edge, j.Operation) == (kind, edge, operation))
            ?? throw new KeyNotFoundException($"Operation {operation} on edge {edge} of the {kind} cell was not live.")).Importance;
}
