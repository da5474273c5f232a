using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Training;

/// <summary>
/// How many numbers per image are in memory in the largest moment of a training step: the walk of <see cref="LeanCellNet.Gradient"/>, on
/// sizes alone. Unlike the search, it keeps everything that the backward run reads.
/// </summary>
internal sealed class CellNetMemory
{
    // Of the auxiliary head, which libtorch runs: what it reads in libtorch's order, rectified, and as long as it runs their gradients.
    private const int HeadKeeps = 2, HeadRuns = 4;

    private readonly NetworkPlan _plan;
    private readonly Item[] _items;
    private readonly bool _hasHead, _dropPath;

    /// <param name="genotype">The architecture.</param>
    /// <param name="options">The shape of the network.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="space">The table with the genotype's operations.</param>
    /// <param name="dropPath">Whether operations' outputs are dropped, of which copies are made then.</param>
    public CellNetMemory(Genotype genotype, CellNetOptions options, ImageShape shape, SearchSpace space, bool dropPath)
    {
        _plan = NetworkPlan.Of(space, options, shape, genotype);
        (_dropPath, _hasHead) = (dropPath, options.AuxiliaryHead && _plan.AuxiliaryItem is not null);
        _items = [.. _plan.Items.Select(item => item is CellItem cell
            ? Item.Of(cell, space, options.AffineOperations)
            : Item.Of((BlockItem)item))];
    }

    /// <summary>The operations of the network, those of the preprocessing among them.</summary>
    public long Operations => _items.Sum(item => item.Edges.Count + item.Inputs.Count);

    /// <summary>The learned parameters of the auxiliary head; 0 where there is none.</summary>
    public long AuxiliaryParameters(int classes) => _hasHead && _plan.AuxiliaryItem is { } item
        ? AuxiliaryHead.Parameters((int)_plan.Items[item].Output.Channels, classes, _plan.Stem.AuxiliaryBatchNorm)
        : 0;

    /// <summary>What is in memory in the largest moment, in numbers per image.</summary>
    /// <param name="Kept">What the forward run has left for the backward run.</param>
    /// <param name="AtWork">Gradients, and what one operation works with.</param>
    public readonly record struct Moment(long Kept, long AtWork)
    {
        public long Sum => Kept + AtWork;

        public static Moment Larger(Moment a, Moment b) => b.Sum > a.Sum ? b : a;
    }

    /// <summary>The largest moment of a step.</summary>
    public Moment Largest()
    {
        var (largest, kept, head) = (default(Moment), 0L, 0L);
        for (var i = 0; i < _items.Length; i++)
        {
            Forward(_items[i]);
            if (_hasHead && i == _plan.AuxiliaryItem)
                head = HeadKeeps * Output(i);
        }
        At(head, (HeadRuns - HeadKeeps) * head / HeadKeeps);                // both classifiers run backwards
        var (last, ofHead) = (Output(_items.Length - 1), head / HeadKeeps);
        for (var i = _items.Length - 1; i >= 0; i--)
        {
            // Later items have already given some of the outputs before this item's a gradient.
            var before = Enumerable.Range(0, i).Where(item => _plan.LastUse(item) > i).Sum(Output);
            Backward(_items[i], ofHead + (i == _items.Length - 1 ? 0 : last) + before);
        }
        return largest;

        long Output(int item) => _plan.Items[item].Output.Count;

        void At(params ReadOnlySpan<long> more)
        {
            var atWork = 0L;
            foreach (var numbers in more)
                atWork += numbers;
            largest = Moment.Larger(largest, new Moment(kept, atWork));
        }

        void Forward(Item item)
        {
            foreach (var input in item.Inputs)
            {
                At(head, input.Recorded);
                kept += input.Held;
            }
            var outputs = 0L;                                               // of edges, until their node adds them up
            foreach (var edge in item.EdgesOfInputs)
                Run(edge);
            for (var node = 0; node < item.Nodes; node++)
            {
                foreach (var edge in item.EdgesOfNodes(node))
                    Run(edge);
                At(head, outputs, item.Node.Count);
                kept += item.Node.Count;
                outputs -= item.EdgesInto(node).Sum(OutputOf);
            }
            if (item.Nodes == 0)                                            // a block, whose output is that of its run
                return;
            At(head, outputs, item.Output.Count);
            kept += item.Output.Count;

            void Run(Edge edge)
            {
                At(head, outputs, edge.Run.Recorded, _dropPath ? OutputOf(edge) : 0);
                kept += edge.Run.Kept;
                outputs += OutputOf(edge);
            }
        }

        // Gradients: of outputs, of the item's own output, and of all states of a cell.
        void Backward(Item item, long held)
        {
            var gradients = held +
                (item.Nodes == 0 ? 0 : item.Output.Count + item.States.Sum(state => state.Count) + item.Nodes * item.Node.Count);
            for (var node = item.Nodes - 1; node >= 0; node--)
            {
                foreach (var edge in item.EdgesOfNodes(node))
                    Back(edge);
            }
            foreach (var edge in item.EdgesOfInputs)
                Back(edge);
            var given = 0L;                                                 // gradients of the inputs
            foreach (var (input, size) in item.Inputs.Zip(item.InputSizes))
            {
                At(gradients, given, input.Gradients);
                given += size.Count;
            }
            kept -= item.Inputs.Sum(input => input.Held) + item.Nodes * item.Node.Count + (item.Nodes == 0 ? 0 : item.Output.Count);

            void Back(Edge edge)
            {
                At(gradients, edge.Run.Gradients);
                kept -= edge.Run.Kept;
            }
        }
    }

    /// <summary>What an operation's output takes until its node has added it, beyond what the operation keeps.</summary>
    private long OutputOf(Edge edge) => edge.IsIdentity ? 0 : _dropPath ? edge.Run.Output.Count : edge.Run.Held - edge.Run.Kept;

    private readonly record struct Edge(int Input, bool IsIdentity, RunMemory Run);

    /// <summary>The sizes of what a cell reads and makes, and its runs; or a block, which is one run and has no nodes.</summary>
    private sealed record Item(
        FeatureSize Output, IReadOnlyList<RunMemory> Inputs, IReadOnlyList<FeatureSize> InputSizes, FeatureSize Node,
        CellGenotype? Genotype,
        IReadOnlyList<Edge> Edges)
    {
        public static Item Of(BlockItem block) => new(
            block.Output, [RunMemory.Of(block.Layers, block.InputSizes[0], block.Channels, affine: true, weights: true,
                needed: block.Inputs[0] != NetworkPlan.OfImages)], block.InputSizes, default, null, []);

        public static Item Of(CellItem cell, SearchSpace space, bool affine) => new(
            cell.Output,
            [.. cell.Preprocess.Zip(cell.InputSizes, (layers, size) =>
                RunMemory.Of(layers, size, cell.Channels, affine: true, weights: true))],
            cell.InputSizes, cell.Node, cell.Genotype,
            [.. cell.Genotype!.Edges.Select(edge =>
            {
                var layers = cell.Layers(space, edge);
                return new Edge(edge.Input, layers.Count == 0,
                    RunMemory.Of(layers, cell.Size(edge.Input), cell.Channels, affine, weights: true));
            })]);

        public int Nodes => Genotype?.Nodes ?? 0;

        /// <summary>The inputs once they are brought to the cell's channels.</summary>
        public IEnumerable<FeatureSize> States => Inputs.Select(input => input.Output);

        public IEnumerable<Edge> EdgesOfInputs => Edges.Where(edge => edge.Input < Inputs.Count);

        public IEnumerable<Edge> EdgesInto(int node) => Edges.Take(Genotype!.EdgesInto(node));

        public IEnumerable<Edge> EdgesOfNodes(int node) => EdgesInto(node).Where(edge => edge.Input >= Inputs.Count);
    }
}
