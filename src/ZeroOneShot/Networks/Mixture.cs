using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// The weights with which a supernet mixes its operations in one step, as a <see cref="OneShot.Relaxation"/> makes them of alphas and
/// betas, and the weights of the edges into a node where partial connections are normalised by edge. An operation that is not live is not
/// run.
/// </summary>
public sealed class Mixture : IDisposable
{
    private readonly Tensor[] _operations;
    private readonly Tensor[]? _edges;

    /// <summary>Weights by which to mix.</summary>
    /// <param name="live">Which operations run; all of them must exist in the network.</param>
    /// <param name="operations">
    /// Per kind of cell, in the order of <see cref="SearchSpace.Kinds"/>: edges x operations. The gradient of the loss goes back through
    /// their graphs. Disposed with the mixture.
    /// </param>
    /// <param name="edges">Per kind of cell: one weight an edge; null: every edge weighs 1. Disposed with the mixture.</param>
    /// <exception cref="ArgumentException">A tensor is missing or of another shape.</exception>
    public Mixture(OperationMask live, IReadOnlyList<Tensor> operations, IReadOnlyList<Tensor>? edges = null)
    {
        ArgumentNullException.ThrowIfNull(live);
        ArgumentNullException.ThrowIfNull(operations);
        var (edgeCount, rows) = (live.Space.Topology.EdgeCount, live.Space.Operations.Count);
        Check(operations, nameof(operations), edgeCount, rows);
        if (edges is not null)
            Check(edges, nameof(edges), edgeCount);
        (Live, _operations, _edges) = (live, [.. operations], edges is null ? null : [.. edges]);

        void Check(IReadOnlyList<Tensor> weights, string name, params long[] shape)
        {
            if (weights.Count != live.Space.Kinds.Count || weights.Any(tensor => !tensor.shape.SequenceEqual(shape)))
            {
                throw new ArgumentException(
                    $"The mixing weights are [{string.Join("], [", weights.Select(tensor => string.Join(", ", tensor.shape)))}]; " +
                    $"expected one tensor of [{string.Join(", ", shape)}] for each of {string.Join(", ", live.Space.Kinds)}.", name);
            }
        }
    }

    /// <summary>Which operations run.</summary>
    public OperationMask Live { get; }

    /// <summary>
    /// Whether the weights of operations that do not run are added to what their edge puts out, to every number of it, as the public code
    /// of GDAS does in the cells of NAS-Bench-201: these weights, which must be 0, then get the gradient summed over the edge's output.
    /// Without it, the default, they get none.
    /// </summary>
    public bool AddsIdleWeights { get; init; }

    /// <summary>The weights of the operations of every edge: edges x operations.</summary>
    /// <param name="kind">The kind of cell.</param>
    public Tensor Operations(CellKind kind) => _operations[(int)kind];

    /// <summary>The weights of the edges; null without edge normalisation.</summary>
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
            Fixed([.. Enumerable.Range(0, edges)
                .Select(edge => 1.0 / topology.EdgesInto(topology.Ends(edge).Node).GetOffsetAndLength(edges).Length)], edges);

        Tensor Fixed(double[] values, params long[] shape) => tensor(values, shape, type, device).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _operations.Concat(_edges ?? []))
            tensor.Dispose();
    }
}
