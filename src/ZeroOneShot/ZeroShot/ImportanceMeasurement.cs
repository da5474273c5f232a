using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>Algorithm 1, lines 2 to 9: the importance of every live operation, and the ranks behind it.</summary>
/// <param name="functions"><see cref="Functions"/>.</param>
/// <param name="ranks"><see cref="Ranks"/>.</param>
/// <param name="candidates"><see cref="Candidates"/>.</param>
/// <param name="sum"><see cref="Sum"/>.</param>
public sealed class ImportanceMeasurement(
    IReadOnlyList<string> functions, IReadOnlyList<double> ranks, IReadOnlyList<CandidateImportance> candidates,
    ImportanceSum sum = ImportanceSum.RelativeChanges)
{
    /// <summary>What the importances sum over the ranking functions.</summary>
    public ImportanceSum Sum { get; } = sum;

    /// <summary>The names of the ranking functions.</summary>
    public IReadOnlyList<string> Functions { get; } = functions;

    /// <summary>r(N) of every ranking function, N being the network with all live operations.</summary>
    public IReadOnlyList<double> Ranks { get; } = ranks;

    /// <summary>The live operations: normal cell first, edge by edge, row by row.</summary>
    public IReadOnlyList<CandidateImportance> Candidates { get; } = candidates;

    /// <summary>s_j of a live operation.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="edge">The edge, from 0.</param>
    /// <param name="operation">The row of the operation table.</param>
    /// <exception cref="KeyNotFoundException">The operation was not live.</exception>
    public double this[CellKind kind, int edge, int operation] =>
        (Candidates.FirstOrDefault(j => (j.Kind, j.Edge, j.Operation) == (kind, edge, operation))
            ?? throw new KeyNotFoundException($"Operation {operation} on edge {edge} of the {kind} cell was not live.")).Importance;

    /// <summary>The importances of a kind of cell as a report draws them: an array per edge, with a value per operation.</summary>
    /// <param name="space">The search space that was pruned.</param>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="function">
    /// One of <see cref="Functions"/>, of which r(N) - r(N without j) is shown, divided by |r(N)| as the importance has it where
    /// <see cref="Sum"/> is of relative changes; null: the importance.
    /// </param>
    /// <returns>[edge][operation]; null where an operation was not live.</returns>
    /// <exception cref="ArgumentException">There is no such function; the message lists those there are.</exception>
    public IReadOnlyList<IReadOnlyList<double?>> Grid(SearchSpace space, CellKind kind, string? function = null)
    {
        ArgumentNullException.ThrowIfNull(space);
        var r = Functions.ToList().FindIndex(name => name == function);
        if (function is not null && r < 0)
            throw new ArgumentException($"Nothing was ranked by '{function}', but by {string.Join(", ", Functions)}.", nameof(function));
        var grid = new double?[space.Topology.EdgeCount][];
        for (var edge = 0; edge < grid.Length; edge++)
            grid[edge] = new double?[space.Operations.Count];
        // Where ranks are summed r(N) may be 0.
        var scale = r >= 0 && Sum == ImportanceSum.RelativeChanges ? Math.Abs(Ranks[r]) : 1;
        foreach (var j in Candidates.Where(j => j.Kind == kind))
            grid[j.Edge][j.Operation] = r < 0 ? j.Importance : (Ranks[r] - j.Ranks[r]) / scale;
        return grid;
    }
}
