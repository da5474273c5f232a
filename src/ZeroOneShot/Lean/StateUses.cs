using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>What a cell does with one of its states: the edges that leave it, and the operations to run on it.</summary>
internal sealed class StateUses
{
    // The size of features at which operations are compared.
    private const int NominalSide = 32;

    public StateUses(SearchCell cell, OperationMask mask, int state, int channels)
    {
        var (topology, table) = (mask.Space.Topology, mask.Space.Operations);
        Edges = [.. Enumerable.Range(0, topology.EdgeCount).Select(edge => (Edge: edge, Ends: topology.Ends(edge)))
            .Where(at => at.Ends.From == state).Select(at => new Edge(at.Edge, at.Ends.Node))];
        Stride = CellTopology.StrideOf(cell.Kind, isInput: state < topology.Inputs);
        Bypass = PartialConnection.Bypass(Stride);
        var uses = new List<OperationUse>();
        foreach (var row in HeaviestFirst(mask.Space, channels, Stride))
        {
            var live = Edges.Where(edge => !table[row].IsZero(Stride) && mask[cell.Kind, edge.Index, row]).ToArray();
            if (live.Length == 0)
                continue;
            var modules = live.Select(edge => cell.Edge(edge.Index).Operation(row)).ToArray();
            // What has nothing of its own gives every edge the same, and runs once; a foreign module's buffers may be drawn like weights.
            if (modules[0].parameters().Any() || table[row].IsRandom(Stride)
                || table[row].Layers(Stride).Any(layer => layer.IsForeign) && modules[0].buffers().Any())
                uses.AddRange(live.Select((edge, i) => new OperationUse(row, [modules[i]], [edge])));
            else
                uses.Add(new OperationUse(row, modules, live));
        }
        Operations = uses;
    }

    /// <summary>
    /// The rows of the operations, those of the most multiply-adds first: what runs last, when other threads have nothing left to do, is
    /// then soon over.
    /// </summary>
    public static IEnumerable<int> HeaviestFirst(SearchSpace space, int channels, int stride)
    {
        var size = new FeatureSize(channels, NominalSide, NominalSide);
        return Enumerable.Range(0, space.Operations.Count).OrderByDescending(
            row => space.Operations[row].Layers(stride).Cost(size, channels, affine: false).MultiplyAdds);
    }

    /// <summary>The edges from the state to later nodes.</summary>
    public IReadOnlyList<Edge> Edges { get; }

    /// <summary>The stride of the operations on those edges.</summary>
    public int Stride { get; }

    /// <summary>What the channels that bypass the operations pass.</summary>
    public nn.Module<Tensor, Tensor> Bypass { get; }

    /// <summary>The operations to run.</summary>
    public IReadOnlyList<OperationUse> Operations { get; }

    /// <summary>An edge from the state.</summary>
    /// <param name="Index">Its number in the cell.</param>
    /// <param name="Node">The intermediate node it goes to.</param>
    public readonly record struct Edge(int Index, int Node);

    /// <summary>
    /// One run of an operation: for one edge, or, without parameters, for all edges that have it, since its output is the same on
    /// all of them.
    /// </summary>
    /// <param name="Row">The operation's row in the table.</param>
    /// <param name="Modules">The modules of the edges; the first one is run.</param>
    /// <param name="Edges">The edges that take the output.</param>
    public sealed record OperationUse(int Row, IReadOnlyList<nn.Module<Tensor, Tensor>> Modules, IReadOnlyList<Edge> Edges)
    {
        /// <summary>What is run.</summary>
        public nn.Module<Tensor, Tensor> Module => Modules[0];

        /// <summary>A run for each edge.</summary>
        public IEnumerable<OperationUse> Apart() =>
            Edges.Count == 1 ? [this] : Edges.Select((edge, i) => new OperationUse(Row, [Modules[i]], [edge]));

        /// <summary>Gives the modules that were not run what the one that was keeps in its buffers: running statistics.</summary>
        public void ShareStatistics()
        {
            if (Modules.Count == 1 || !Module.training)
                return;
            var ran = Module.buffers().ToArray();
            if (ran.Length == 0 || Module.modules().OfType<IRepeatable>().Any(module => !module.Tracks))
                return;
            using var _ = no_grad();
            foreach (var module in Modules.Skip(1))
            {
                foreach (var (buffer, other) in ran.Zip(module.buffers()))
                    other.copy_(buffer);
            }
        }
    }
}
