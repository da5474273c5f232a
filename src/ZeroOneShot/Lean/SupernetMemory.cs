using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Lean;

/// <summary>
/// How many numbers per image are in memory in the largest moment of a search step: the walk of <see cref="LeanSupernet.Gradient"/> and
/// <see cref="LeanCell"/>, on sizes alone.
/// </summary>
internal sealed class SupernetMemory
{
    private readonly OperationMask _mask;
    private readonly SupernetOptions _options;
    private readonly int _threads;
    private readonly bool _bfloat16, _inLibtorch;
    private readonly NetworkPlan _plan;

    /// <param name="mask">Which operations are live.</param>
    /// <param name="options">The shape of the supernet.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="threads">Operations that run side by side.</param>
    /// <param name="bfloat16">Whether outputs are kept in bfloat16.</param>
    /// <param name="inLibtorch">Whether libtorch computes, as on a GPU, one operation after the other; else all runs in lanes.</param>
    public SupernetMemory(
        OperationMask mask, SupernetOptions options, ImageShape shape, int threads, bool bfloat16, bool inLibtorch = false)
    {
        (_mask, _options, _threads, _bfloat16, _inLibtorch) = (mask, options, inLibtorch ? 1 : threads, bfloat16, inLibtorch);
        _plan = NetworkPlan.Of(mask.Space, options, shape);
    }

    /// <summary>What is in memory at some moment, in numbers per image.</summary>
    /// <param name="Outputs">Outputs of the stem, of cells and of fixed blocks.</param>
    /// <param name="Gradients">Gradients of those.</param>
    /// <param name="Cell">States and operations of the cell at work, or what the stem makes.</param>
    public readonly record struct Moment(long Outputs, long Gradients, long Cell)
    {
        public long Sum => Outputs + Gradients + Cell;

        public static Moment Larger(Moment a, Moment b) => b.Sum > a.Sum ? b : a;
    }

    /// <summary>The operations of the supernet, counted edge by edge and cell by cell.</summary>
    public long Operations => _plan.Items.OfType<CellItem>().Sum(cell => Edges.Sum(edge => _mask.LiveCount(cell.Kind, edge)));

    private CellTopology Topology => _mask.Space.Topology;

    private IEnumerable<int> Edges => Enumerable.Range(0, Topology.EdgeCount);

    /// <summary>The learned parameters of the supernet.</summary>
    public long Parameters(int classes)
    {
        var count = (_plan.Output.Channels + 1) * classes;
        foreach (var item in _plan.Items)
        {
            if (item is BlockItem block)
                count += Parameters(block.Layers, block.InputSizes[0], block.Channels, affine: true);
            if (item is not CellItem cell)
                continue;
            foreach (var (layers, size) in cell.Preprocess.Zip(cell.InputSizes))
                count += Parameters(layers, size, cell.Channels);
            var mixed = Mixed(cell.State);
            foreach (var edge in Edges)
            {
                count += _mask.Live(cell.Kind, edge).Sum(row =>
                    Parameters(_mask.Space.Operations[row].Layers(Topology.Stride(cell.Kind, edge)), mixed, mixed.Channels));
            }
        }
        return count;
    }

    /// <summary>The largest moment of a step.</summary>
    /// <param name="weights">True: the weights step. False: the architecture step.</param>
    public Moment Largest(bool weights)
    {
        var (items, outputs, largest) = (_plan.Items, 0L, default(Moment));
        foreach (var item in items)
        {
            outputs += item.Output.Count;
            largest = Moment.Larger(largest, item is CellItem cell
                ? new Moment(Kept(outputs, item), 0, Forward(cell))
                : new Moment(Kept(outputs, item) - item.Output.Count, 0, Run((BlockItem)item).Forward));
        }

        for (var i = items.Count - 1; i >= 0; i--)
        {
            if (!IsNeeded(i, weights))
                break;
            // Later items have already given some of the outputs before this item's a gradient.
            var before = Enumerable.Range(0, i).Where(item => _plan.LastUse(item) > i && IsNeeded(item, weights))
                .Sum(item => items[item].Output.Count);
            var work = items[i] is CellItem cell ? Backward(cell, weights) : Backward((BlockItem)items[i], weights);
            largest = Moment.Larger(largest, new Moment(Kept(outputs, items[i]), items[i].Output.Count + before, work));
            outputs -= items[i].Output.Count;
        }
        return largest;
    }

    /// <summary>Whether something asks for the gradient of an item's output, as in <see cref="LeanSupernet"/>.</summary>
    private bool IsNeeded(int item, bool weights) => item >= 0 &&
        (weights || _plan.Items[item] is CellItem || _plan.Items[item].Inputs.Any(input => IsNeeded(input, weights)));

    private RunMemory Run(BlockItem block, bool weights = false, bool needed = true) =>
        RunMemory.Of(block.Layers, block.InputSizes[0], block.Channels, affine: true, weights, needed, _inLibtorch);

    /// <summary>A fixed block that runs backwards, without the gradient of its output.</summary>
    private long Backward(BlockItem block, bool weights)
    {
        var run = Run(block, weights, IsNeeded(block.Inputs[0], weights));
        // What a stem makes of the images was measured to take its output once more.
        return block.Inputs[0] == NetworkPlan.OfImages
            ? Math.Max(block.Output.Count + run.Recorded, run.Held + run.Gradients)
            : Math.Max(run.Recorded, run.Held + run.Gradients - block.Output.Count);
    }

    /// <summary>
    /// The most numbers per image while the network only runs forwards and keeps what is still read:
    /// <see cref="LeanSupernet.Forward(TorchSharp.torch.Tensor, Mixture, bool, Action{TorchSharp.torch.Tensor})"/>.
    /// </summary>
    public long Ranking() => _plan.Items.Max(item =>
        item.Output.Count + item.Inputs.Distinct().Where(input => input >= 0).Sum(input => _plan.Items[input].Output.Count)
        + (item is CellItem cell ? Forward(cell) : Run((BlockItem)item).Forward));

    /// <summary>
    /// The most numbers per image while networks are ranked that lack an operation each: what those that lack one into the same node share
    /// (<see cref="LeanSupernet.Share"/>), and a forward run behind it of each that runs at the time.
    /// </summary>
    /// <param name="sideBySide">Whether as many run at a time as there are threads.</param>
    public long Candidates(bool sideBySide)
    {
        var atATime = sideBySide ? Math.Min(_threads, _mask.AllEdges.Max(at => _mask.LiveCount(at.Kind, at.Edge))) : 1;
        return Math.Max(Ranking(), _mask.Space.Kinds.Max(kind =>
        {
            var first = _plan.Items.Index().First(at => at.Item is CellItem cell && cell.Kind == kind).Index;
            var run = _plan.Items.Skip(first).Max(item =>
                item.Output.Count + item.Inputs.Distinct().Where(input => input >= first).Sum(input => _plan.Items[input].Output.Count)
                + (item is CellItem cell ? Forward(cell, atATime > 1 ? 1 : _threads) : Run((BlockItem)item).Forward));
            return Enumerable.Range(0, Topology.Nodes).Max(node => Shared(kind, first, node)) + atATime * run;
        }));
    }

    private long Shared(CellKind kind, int first, int node)
    {
        var sum = 0L;
        for (var number = first; number < _plan.Items.Count; number++)
        {
            if (_plan.Items[number] is not CellItem cell)
                continue;
            var known = cell.Inputs.TakeWhile(input => input < first).Count();
            if (known == 0)
                continue;
            sum += known * cell.State.Count + Topology.Nodes * cell.Node.Count;
            for (var state = 0; state < (number == first ? known + node : known); state++)
            {
                if (_options.PartialChannels > 1 && cell.Stride(state) > 1)
                    sum += cell.Node.Count - Mixed(cell.Node).Count;                                // what bypasses the operations
                if (cell.Kind != kind)
                    continue;
                foreach (var edge in Edges.Where(edge => Topology.Ends(edge) == new CellEdge(state, node)))
                {
                    sum += Mixed(cell.Node).Count * _mask.Live(kind, edge).Count(row =>
                        _mask.Space.Operations[row].SearchLayers(cell.Stride(state)).Count > 0);
                }
            }
        }
        return sum;
    }

    /// <summary>
    /// The most numbers per image that an item works with, from above, in a forward run by libtorch of the network as it is defined.
    /// </summary>
    public long AtWorkByDefinition() => _plan.Items.Max(item => item is CellItem cell ? InScopes(cell) : Run((BlockItem)item).Forward);

    /// <summary>
    /// What a cell works with in <see cref="SearchCell"/>'s scope, which holds every edge's mix, the same times the edge's weight, and the
    /// sum so far, and that of one <see cref="MixedOperation"/>: of every live operation what it makes, that times its weight, and the sum
    /// so far.
    /// </summary>
    private long InScopes(CellItem cell)
    {
        const int ofEach = 3;
        var held = cell.Preprocess.Zip(cell.InputSizes).Sum(
                at => RunMemory.Of(at.First, at.Second, cell.Channels, inLibtorch: true).Forward)
            + ofEach * Topology.EdgeCount * cell.Node.Count + Topology.Nodes * cell.Node.Count;
        return held + Edges.Max(edge =>
        {
            var state = Topology.Ends(edge).From;
            var (mixed, stride) = (Mixed(cell.Size(state)), cell.Stride(state));
            var runs = _mask.Live(cell.Kind, edge).Select(row => RunMemory.Of(
                _mask.Space.Operations[row].SearchLayers(stride), mixed, mixed.Channels, inLibtorch: true)).ToArray();
            return runs.Sum(run => ofEach * run.Output.Count) + runs.Select(run => run.Forward).DefaultIfEmpty().Max()
                + ofEach * cell.Node.Count;
        });
    }

    /// <summary>
    /// The numbers per image that libtorch's autograd keeps of a run of the whole network: what every layer makes, and every operation's
    /// output once more, times its weight.
    /// </summary>
    public long Graph() => _plan.Items.Sum(item => item is CellItem cell
        ? cell.Preprocess.Zip(cell.InputSizes).Sum(at => RunMemory.Of(
            at.First, at.Second, cell.Channels, affine: false, weights: true, needed: true, _inLibtorch).Held) + Edges.Sum(edge =>
            {
                var (from, stride) = (Topology.Ends(edge).From, Topology.Stride(cell.Kind, edge));
                var mixed = Mixed(cell.Size(from));
                return _mask.Live(cell.Kind, edge).Sum(row =>
                {
                    var run = RunMemory.Of(_mask.Space.Operations[row].SearchLayers(stride), mixed, mixed.Channels, affine: false,
                        weights: true, needed: true, _inLibtorch);
                    return run.Held + run.Output.Count;
                }) + cell.Node.Count;
            })
        : Run((BlockItem)item, weights: true).Held);

    /// <summary>
    /// Outputs that are kept (<see cref="KeptFeatures"/>): in bfloat16 half of them, and in full those that a cell works with.
    /// </summary>
    private long Kept(long outputs, PlanItem item)
    {
        var inFull = item.InputSizes.Where((_, i) => item.Inputs[i] != NetworkPlan.OfImages).Sum(size => size.Count) + item.Output.Count;
        return _bfloat16 ? (outputs - inFull) / 2 + inFull : outputs;
    }

    /// <summary>A cell that runs forwards, without its output.</summary>
    private long Forward(CellItem cell, int? threads = null)
    {
        var (largest, states) = (0L, 0L);
        for (var input = 0; input < cell.Inputs.Count; input++)
        {
            var run = RunMemory.Of(
                cell.Preprocess[input], cell.InputSizes[input], cell.Channels, inLibtorch: _inLibtorch);
            largest = Math.Max(largest, states + run.Forward);
            states += run.Output.Count;
        }
        states += Hidden(cell);
        for (var state = 0; state < States; state++)
        {
            var runs = OperationsOn(cell, state, weights: false, needed: true);
            largest = Math.Max(largest, states + SideBySide(runs, run => run.Forward, threads));
            if (Bypass(cell, state) is { } bypass)
                states += bypass.Forward;
        }
        return largest;
    }

    /// <summary>Where the output is not all nodes, these lie beside it.</summary>
    private long Hidden(CellItem cell) => Topology.OutputIsAllNodes ? 0 : Topology.Nodes * cell.Node.Count;

    /// <summary>A cell that runs backwards, without its output and the output's gradient.</summary>
    private long Backward(CellItem cell, bool weights)
    {
        // All nodes and their gradients, made once more where they are not kept.
        var (largest, hidden) = (Hidden(cell) == 0 ? 0 : Forward(cell), 2 * Hidden(cell));
        for (var node = Topology.Inputs; node < States; node++)
            largest = Math.Max(largest, hidden + State(cell, node, weights, needed: true));
        var given = hidden;
        for (var input = 0; input < cell.Inputs.Count; input++)
        {
            var needed = IsNeeded(cell.Inputs[input], weights);
            largest = Math.Max(largest, given + Input(cell.InputSizes[input], cell.Preprocess[input], input, needed));
            given += needed ? cell.InputSizes[input].Count : 0;
        }
        return largest;

        long Input(FeatureSize input, IReadOnlyList<Layer> layers, int state, bool needed)
        {
            var run = RunMemory.Of(layers, input, cell.Channels, affine: false, weights, needed, _inLibtorch);
            var total = needed ? run.Output.Count : 0;
            var states = run.Held + total + State(cell, state, weights, needed);
            return Math.Max(Math.Max(run.Recorded, states), needed ? run.Held + run.Gradients : 0);
        }
    }

    /// <summary>The gradients of what follows on a state: its operations' or its bypass's, whichever takes more.</summary>
    private long State(CellItem cell, int state, bool weights, bool needed)
    {
        var operations = SideBySide(OperationsOn(cell, state, weights, needed), run => run.Backward);
        return Math.Max(operations, Bypass(cell, state)?.Backward ?? 0);
    }

    /// <summary>The most that operations take which run at the same time: a row of as many as there are threads.</summary>
    private long SideBySide(List<RunMemory> runs, Func<RunMemory, long> memory, int? threads = null)
    {
        var (largest, count) = (0L, threads ?? _threads);
        for (var i = 0; i == 0 || i + count <= runs.Count; i++)
            largest = Math.Max(largest, runs.Skip(i).Take(count).Sum(memory));
        return largest;
    }

    private int States => Topology.Inputs + Topology.Nodes;

    private FeatureSize Mixed(FeatureSize state) => state with { Channels = state.Channels / _options.PartialChannels };

    /// <summary>
    /// The operations that are run on a state, in the order of <see cref="StateUses"/>: those without parameters once for all edges.
    /// </summary>
    private List<RunMemory> OperationsOn(CellItem cell, int state, bool weights, bool needed)
    {
        var edges = Edges.Where(edge => Topology.Ends(edge).From == state).ToArray();
        var (mixed, stride) = (Mixed(cell.Size(state)), cell.Stride(state));
        var runs = new List<RunMemory>();
        foreach (var row in StateUses.HeaviestFirst(_mask.Space, (int)mixed.Channels, stride))
        {
            var operation = _mask.Space.Operations[row];
            var live = edges.Count(edge => !operation.IsZero(stride) && _mask[cell.Kind, edge, row]);
            if (live == 0)
                continue;
            var run = RunMemory.Of(
                operation.SearchLayers(stride), mixed, mixed.Channels, affine: false, weights, needed, _inLibtorch);
            var isShared = Parameters(operation.Layers(stride), mixed, mixed.Channels) == 0 && !operation.IsRandom(stride);
            runs.AddRange(Enumerable.Repeat(run, isShared ? 1 : live));
        }
        return runs;
    }

    /// <summary>What the channels that bypass a state's operations take; null without partial connections.</summary>
    private RunMemory? Bypass(CellItem cell, int state)
    {
        if (_options.PartialChannels == 1 || Topology.Edges.All(edge => edge.From != state))
            return null;
        var input = cell.Size(state);
        var rest = input with { Channels = input.Channels - input.Channels / _options.PartialChannels };
        return RunMemory.Of(PartialConnection.BypassLayers(cell.Stride(state)), rest, rest.Channels, inLibtorch: _inLibtorch);
    }

    private static long Parameters(IReadOnlyList<Layer> layers, FeatureSize input, long channels, bool affine = false) =>
        layers.Cost(input, channels, affine).Parameters;
}
