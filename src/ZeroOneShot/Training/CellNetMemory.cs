using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Training;

/// <summary>
/// How many numbers per image are in memory in the largest moment of a training step: the walk of <see cref="LeanCellNet.Gradient"/>, on
/// sizes alone.
/// </summary>
internal sealed class CellNetMemory
{
    private readonly NetworkPlan _plan;
    private readonly Item[] _items;
    private readonly bool _hasHead;

    /// <param name="genotype">The architecture.</param>
    /// <param name="options">The shape of the network.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="space">The table with the genotype's operations.</param>
    /// <param name="inLibtorch">Whether libtorch's autograd computes, as on a GPU; else the kernels.</param>
    public CellNetMemory(Genotype genotype, CellNetOptions options, ImageShape shape, SearchSpace space, bool inLibtorch = false)
    {
        _plan = NetworkPlan.Of(space, options, shape, genotype);
        _hasHead = options.AuxiliaryHead && _plan.AuxiliaryItem is not null;
        _items = [.. _plan.Items.Select(item => item is CellItem cell
            ? Item.Of(cell, space, options.AffineOperations, inLibtorch)
            : Item.Of((BlockItem)item, inLibtorch))];
    }

    /// <summary>The operations of the network, those of the preprocessing among them.</summary>
    public long Operations => _items.Sum(item => item.Edges.Count + item.Inputs.Count);

    /// <summary>The learned parameters of the auxiliary head; 0 where there is none.</summary>
    public long AuxiliaryParameters(int classes) => _hasHead && _plan.AuxiliaryItem is { } item
        ? AuxiliaryHead.Parameters((int)_plan.Items[item].Output.Channels, classes, _plan.Stem.AuxiliaryBatchNorm)
        : 0;

    /// <summary>Number of items.</summary>
    public int Items => _items.Length;

    /// <summary>What is in memory in the largest moment, in numbers per image.</summary>
    /// <param name="Kept">What the forward run has left for the backward run.</param>
    /// <param name="AtWork">Gradients, and what one operation works with.</param>
    public readonly record struct Moment(long Kept, long AtWork)
    {
        public long Sum => Kept + AtWork;

        public static Moment Larger(Moment a, Moment b) => b.Sum > a.Sum ? b : a;
    }

    /// <summary>The largest moment of a step.</summary>
    /// <param name="recomputed">How many items are recomputed, from the first on.</param>
    /// <param name="lanes">The lanes of the images that are computed together.</param>
    /// <param name="threads">Operations that run side by side, where features are small.</param>
    public Moment Largest(int recomputed, long lanes, int threads)
    {
        var (largest, kept, head) = (default(Moment), 0L, 0L);
        for (var i = 0; i < _items.Length; i++)
        {
            Forward(_items[i], keeps: i >= recomputed);
            if (_hasHead && i == _plan.AuxiliaryItem)
                head = AuxiliaryHead.Holds(_plan.Items[i].Output.Channels);
        }
        for (var i = _items.Length - 1; i >= 0; i--)
        {
            // Later items have already given some of the outputs before this item's a gradient.
            var before = Enumerable.Range(0, i).Where(item => _plan.LastUse(item) > i).Sum(item => _plan.Items[item].Output.Count);
            if (_hasHead && i == _plan.AuxiliaryItem)
                head = 0;
            Backward(_items[i], head + before, keeps: i >= recomputed);
        }
        return largest;

        void At(params ReadOnlySpan<long> more)
        {
            var atWork = 0L;
            foreach (var numbers in more)
                atWork += numbers;
            largest = Moment.Larger(largest, new Moment(kept, atWork));
        }

        void Forward(Item item, bool keeps)
        {
            var states = 0L;
            foreach (var input in item.Inputs)
            {
                At(head, states, keeps ? input.Recorded : input.Forward);
                if (keeps || item.Nodes == 0)
                    kept += keeps ? input.Held : input.Output.Count;
                else
                    states += input.Output.Count;
            }
            if (item.Nodes == 0)                                            // a block, whose output is that of its run
                return;
            kept += item.Output.Count + item.Hidden;
            foreach (var together in item.Edges.Chunk(SideBySide(item)))
            {
                At(head, states, together.Sum(edge => keeps ? edge.Run.Recorded : edge.Run.Forward));
                if (keeps)
                    kept += together.Sum(edge => edge.Run.Kept);
            }
        }

        void Backward(Item item, long held, bool keeps)
        {
            if (item.Nodes == 0)
            {
                var run = item.Inputs[0];
                if (keeps)
                    At(held, run.Gradients);
                kept -= keeps ? run.Held : run.Output.Count;
                if (!keeps)
                    At(held, Math.Max(run.Recorded + run.Output.Count, run.Kept + run.Gradients));
                return;
            }
            var tapes = 0L;
            foreach (var input in keeps ? [] : item.Inputs)
            {
                At(held, item.Output.Count, tapes, input.Recorded);
                tapes += input.Held;
            }
            var gradients = held + tapes + item.Output.Count + item.Hidden;
            var (begun, atWork) = (new HashSet<int>(), new Queue<(long Gradients, long Kept)>());
            foreach (var edge in item.EdgesOfLastNodesFirst)
            {
                // An identity is over at once. Of the others, as many as there are threads are at work at the same time.
                if (!edge.IsIdentity)
                {
                    if (atWork.Count == SideBySide(item))
                        kept -= atWork.Dequeue().Kept;
                    atWork.Enqueue(keeps
                        ? (edge.Run.Gradients, edge.Run.Kept)
                        : (Math.Max(edge.Run.Recorded, edge.Run.Kept + edge.Run.Gradients), 0));
                    At(gradients, atWork.Sum(running => running.Gradients));
                }
                if (edge.Input < item.Inputs.Count && begun.Add(edge.Input))
                    gradients += item.States.ElementAt(edge.Input).Count;
            }
            kept -= atWork.Sum(edge => edge.Kept);
            // The nodes and their gradients go.
            kept -= item.Output.Count + item.Hidden;
            var ofStates = item.States.Sum(state => state.Count);
            foreach (var (input, size) in item.Inputs.Zip(item.InputSizes))
            {
                ofStates -= input.Output.Count;
                At(held, tapes, ofStates, input.Gradients);
                if (keeps)
                    kept -= input.Held;
                else
                    tapes -= input.Held;
                held += size.Count;
            }
        }

        // Large features go one after the other, and all threads take a part.
        int SideBySide(Item item) => item.States.First().Count * lanes >= LeanCellNet.LargeFeatures ? 1 : threads;
    }

    private readonly record struct Edge(int Input, bool IsIdentity, RunMemory Run);

    /// <summary>The sizes of what a cell reads and makes, and its runs; or a block, which is one run and has no nodes.</summary>
    private sealed record Item(
        FeatureSize Output, IReadOnlyList<RunMemory> Inputs, IReadOnlyList<FeatureSize> InputSizes, FeatureSize Node,
        CellGenotype? Genotype,
        IReadOnlyList<Edge> Edges, bool InLibtorch)
    {
        public static Item Of(BlockItem block, bool inLibtorch) => new(
            block.Output, [RunMemory.Of(block.Layers, block.InputSizes[0], block.Channels, affine: true, weights: true,
                needed: block.Inputs[0] != NetworkPlan.OfImages, inLibtorch)], block.InputSizes, default, null, [], inLibtorch);

        public static Item Of(CellItem cell, SearchSpace space, bool affine, bool inLibtorch) => new(
            cell.Output,
            [.. cell.Preprocess.Zip(cell.InputSizes, (layers, size) =>
                RunMemory.Of(layers, size, cell.Channels, affine: true, weights: true, inLibtorch: inLibtorch))],
            cell.InputSizes, cell.Node, cell.Genotype,
            [.. cell.Genotype!.Edges.Select(edge =>
            {
                var layers = cell.Layers(space, edge);
                return new Edge(edge.Input, layers.Count == 0,
                    RunMemory.Of(layers, cell.Size(edge.Input), cell.Channels, affine, weights: true, inLibtorch: inLibtorch));
            })], inLibtorch);

        public int Nodes => Genotype?.Nodes ?? 0;

        /// <summary>The nodes that are no part of the output: in libtorch all, of which the output is a copy.</summary>
        public long Hidden => (Nodes - (InLibtorch ? 0 : Genotype?.Concat.Count ?? 0)) * Node.Count;

        /// <summary>The inputs once they are brought to the cell's channels.</summary>
        public IEnumerable<FeatureSize> States => Inputs.Select(input => input.Output);

        public IEnumerable<Edge> EdgesOfLastNodesFirst =>
            Enumerable.Range(0, Nodes).Reverse().SelectMany(node => Edges.Take(Genotype!.EdgesInto(node)));
    }
}
