using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// The weights with which a supernet mixes its operations: Eq. (1)'s softmax over the live operations of every edge, and the weights of the
/// edges into a node where partial connections are normalised by edge. An operation that is not live is not run.
/// </summary>
public sealed class Mixture : IDisposable
{
    private readonly Tensor[] _operations;
    private readonly Tensor[]? _edges;

    internal Mixture(OperationMask live, Tensor[] operations, Tensor[]? edges) => (Live, _operations, _edges) = (live, operations, edges);

    /// <summary>Which operations run.</summary>
    public OperationMask Live { get; }

    /// <summary>The weights of the operations of every edge: edges x operations, each row summing to 1, zero where masked.</summary>
    /// <param name="kind">The kind of cell.</param>
    public Tensor Operations(CellKind kind) => _operations[(int)kind];

    /// <summary>The weights of the edges, those into one node summing to 1; null without edge normalisation.</summary>
    /// <param name="kind">The kind of cell.</param>
    public Tensor? Edges(CellKind kind) => _edges?[(int)kind];

    /// <summary>
    /// Equal weights 1/n for the n live operations of an edge (all alphas equal), and equal edge weights where asked for.
    /// </summary>
    /// <param name="live">Which operations run; an edge may have none, and then adds nothing.</param>
    /// <param name="edgeNormalization">Whether edges have weights.</param>
    /// <param name="device">Where the weights are kept; null is the CPU.</param>
    /// <param name="type">Precision; Float32 or Float64.</param>
    public static Mixture Uniform(OperationMask live, bool edgeNormalization, Device? device = null, ScalarType type = ScalarType.Float32)
    {
        ArgumentNullException.ThrowIfNull(live);
        var topology = live.Space.Topology;
        var (edges, operations) = (topology.EdgeCount, live.Space.Operations.Count);
        return new Mixture(live, [.. live.Space.Kinds.Select(OperationWeights)],
            edgeNormalization ? [.. live.Space.Kinds.Select(_ => EdgeWeights())] : null);

        Tensor OperationWeights(CellKind kind) => Fixed([.. Enumerable.Range(0, edges * operations).Select(i =>
            live[kind, i / operations, i % operations] ? 1.0 / live.LiveCount(kind, i / operations) : 0)], edges, operations);

        Tensor EdgeWeights() =>
            Fixed([.. Enumerable.Range(0, edges).Select(edge => 1.0 / topology.EdgesInto(topology.Ends(edge).Node).GetOffsetAndLength(edges).Length)], edges);

        Tensor Fixed(double[] values, params long[] shape) => tensor(values, shape, type, device).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _operations.Concat(_edges ?? []))
            tensor.Dispose();
    }
}
