using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// FairDARTS (Chu et al., 2020, and its public code): every operation weighs the sigmoid of its alpha, so that operations do not compete.
/// Alphas start at 0.
/// </summary>
/// <remarks>
/// The genotype has two edges per node, as DARTS'. The thresholds of FairDARTS, which leave a node fewer edges or more, are readings of
/// their own: <see cref="ReadSparse"/> and <see cref="ReadEveryEdge"/>.
/// </remarks>
public sealed record SigmoidRelaxation : Relaxation
{
    /// <summary>The threshold of the public code.</summary>
    public const double DefaultThreshold = 0.85;

    /// <inheritdoc/>
    public override double InitialScale => 0;

    /// <inheritdoc/>
    public override Tensor Strengths(ArchitectureParameters architecture, CellKind kind)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        using var live = architecture.MaskedAlphas(kind);
        return live.sigmoid();
    }

    /// <summary>
    /// FairDARTS' <c>threshold_sparse</c>: of the two edges per node that the genotype would have, those whose operation reaches the
    /// threshold; a node may be left with one edge, or none.
    /// </summary>
    /// <param name="architecture">The alphas.</param>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="threshold">A sigmoid, 0 to 1.</param>
    /// <returns>Node by node, the stronger edge first.</returns>
    /// <exception cref="ArgumentException">The mask leaves a node fewer than two usable edges.</exception>
    public IReadOnlyList<ReadEdge> ReadSparse(ArchitectureParameters architecture, CellKind kind, double threshold = DefaultThreshold)
    {
        var (strengths, space) = (Values(architecture, kind), architecture.Mask.Space);
        var (topology, cell) = (space.Topology, Genotype(architecture).Cell(kind));
        return [.. cell.Edges
            .Select((edge, i) => new ReadEdge(edge.Operation, topology.Inputs + cell.NodeOf(i), edge.Input))
            .Where(edge => Strength(edge) >= threshold)];

        double Strength(ReadEdge edge) => strengths[
            topology.Edges.Index()
                .First(at => at.Item == new CellEdge(edge.Input, edge.Node - topology.Inputs)).Index * space.Operations.Count
            + space.IndexOf(edge.Operation)];
    }

    /// <summary>
    /// FairDARTS' <c>threshold_edge</c>: of every edge its two strongest operations, as far as they reach the threshold.
    /// </summary>
    /// <param name="architecture">The alphas.</param>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="threshold">A sigmoid, 0 to 1.</param>
    /// <returns>Edge by edge, the weaker operation first, as the public code lists them.</returns>
    public IReadOnlyList<ReadEdge> ReadEveryEdge(ArchitectureParameters architecture, CellKind kind, double threshold = DefaultThreshold)
    {
        var (strengths, space) = (Values(architecture, kind), architecture.Mask.Space);
        return [.. Enumerable.Range(0, space.Topology.EdgeCount).SelectMany(edge => architecture.Mask.Live(kind, edge)
            .Where(row => space.Operations[row].CanBeChosen)
            .Select(row => (Row: row, Strength: strengths[edge * space.Operations.Count + row]))
            .OrderBy(at => at.Strength)
            .TakeLast(2)
            .Where(at => at.Strength >= threshold)
            .Select(at => new ReadEdge(space.Operations[at.Row].Name, space.Topology.Inputs + space.Topology.Ends(edge).Node,
                space.Topology.Ends(edge).From)))];
    }

    private double[] Values(ArchitectureParameters architecture, CellKind kind)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return Strengths(architecture, kind).to(ScalarType.Float64).cpu().data<double>().ToArray();
    }
}
