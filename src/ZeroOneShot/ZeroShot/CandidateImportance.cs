using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>What a network is worth without one of its operations.</summary>
/// <param name="kind"><see cref="Kind"/>.</param>
/// <param name="edge"><see cref="Edge"/>.</param>
/// <param name="operation"><see cref="Operation"/>.</param>
/// <param name="ranks"><see cref="Ranks"/>.</param>
/// <param name="importance"><see cref="Importance"/>.</param>
public sealed class CandidateImportance(CellKind kind, int edge, int operation, IReadOnlyList<double> ranks, double importance)
{
    /// <summary>The kind of cell.</summary>
    public CellKind Kind { get; } = kind;

    /// <summary>The edge, from 0.</summary>
    public int Edge { get; } = edge;

    /// <summary>The row of the operation table.</summary>
    public int Operation { get; } = operation;

    /// <summary>
    /// r(N without j) of every ranking function; with <see cref="ZeroShotPruningOptions.FirstOrder"/> what its derivative makes of r(N).
    /// </summary>
    public IReadOnlyList<double> Ranks { get; } = ranks;

    /// <summary>
    /// s_j: the sum over ranking functions of (r(N) - r(N without j)) / |r(N)|, or of ranks (<see cref="ImportanceSum"/>); the
    /// smallest goes first.
    /// </summary>
    public double Importance { get; } = importance;
}
