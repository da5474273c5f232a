using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.OneShot;

/// <summary>
/// How many numbers per image are in memory in the largest moment of a search step: the walk of <see cref="LeanSupernet.Gradient"/> and
/// <see cref="LeanCell"/>, on sizes alone.
/// </summary>
internal sealed class SupernetMemory
{
    private readonly OperationMask _mask;
    private readonly SupernetOptions _options;
    private readonly int _threads;
    private readonly bool _bfloat16;
    private readonly FeatureSize _images, _stem;
    private readonly Cell[] _cells;

    /// <param name="mask">Which operations are live.</param>
    /// <param name="options">The shape of the supernet.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="threads">Operations that run side by side.</param>
    /// <param name="bfloat16">Whether outputs are kept in bfloat16.</param>
    public SupernetMemory(OperationMask mask, SupernetOptions options, ImageShape shape, int threads, bool bfloat16)
    {
        (_mask, _options, _threads, _bfloat16) = (mask, options, threads, bfloat16);
        _images = new FeatureSize(shape.Channels, shape.Height, shape.Width);
        _stem = _images with { Channels = options.StemMultiplier * options.Channels };
        var cells = new List<Cell>();
        var (beforePrevious, previous, channels, previousReduced) = (_stem, _stem, options.Channels, false);
        for (var i = 0; i < options.Cells; i++)
        {
            var kind = CellTopology.KindOf(options.Cells, i);
            if (kind == CellKind.Reduction)
                channels *= 2;
            var state = previous with { Channels = channels };
            var node = state.Reduced(kind == CellKind.Reduction ? 2 : 1);
            var output = node with { Channels = mask.Space.Topology.Nodes * channels };
            cells.Add(new Cell(kind, previousReduced, beforePrevious, previous, state, node, output));
            (beforePrevious, previous, previousReduced) = (previous, output, kind == CellKind.Reduction);
        }
        _cells = [.. cells];
    }

    /// <summary>What is in memory at some moment, in numbers per image.</summary>
    /// <param name="Outputs">Outputs of the stem and of cells.</param>
    /// <param name="Gradients">Gradients of those.</param>
    /// <param name="Cell">States and operations of the cell at work, or what the stem makes.</param>
    public readonly record struct Moment(long Outputs, long Gradients, long Cell)
    {
        public long Sum => Outputs + Gradients + Cell;

        public static Moment Larger(Moment a, Moment b) => b.Sum > a.Sum ? b : a;
    }

    /// <summary>The operations of the supernet, counted edge by edge and cell by cell.</summary>
    public long Operations =>
        _cells.Sum(cell => Enumerable.Range(0, _mask.Space.Topology.EdgeCount).Sum(edge => _mask.LiveCount(cell.Kind, edge)));

    /// <summary>The learned parameters of the supernet.</summary>
    public long Parameters(int classes)
    {
        var count = Parameters(StemLayers, _images.Channels, _stem.Channels) + 2 * _stem.Channels
            + (_cells[^1].Output.Channels + 1) * classes;
        foreach (var cell in _cells)
        {
            count += Parameters(cell.FirstLayers, cell.BeforePrevious.Channels, cell.State.Channels)
                + Parameters(CandidateOperation.Preprocess, cell.Previous.Channels, cell.State.Channels);
            var mixed = cell.State.Channels / _options.PartialChannels;
            for (var edge = 0; edge < _mask.Space.Topology.EdgeCount; edge++)
            {
                count += _mask.Live(cell.Kind, edge).Sum(row =>
                    Parameters(_mask.Space.Operations[row].Layers(_mask.Space.Topology.Stride(cell.Kind, edge)), mixed, mixed));
            }
        }
        return count;
    }

    /// <summary>The largest moment of a step.</summary>
    /// <param name="weights">True: the weights step. False: the architecture step.</param>
    public Moment Largest(bool weights)
    {
        var stem = RunMemory.Of(StemLayers, _images, _stem.Channels, affine: true, weights, needed: false);
        var outputs = _stem.Count;
        var largest = new Moment(0, 0, stem.Forward);
        foreach (var cell in _cells)
        {
            largest = Moment.Larger(largest, new Moment(Kept(outputs + cell.Output.Count, cell), 0, Forward(cell)));
            outputs += cell.Output.Count;
        }

        // From here on autograd holds the last output and its gradient, which the last cell's backward run reads and the others do not.
        var last = _cells[^1].Output.Count;
        for (var i = _cells.Length - 1; i >= 0; i--)
        {
            var cell = _cells[i];
            var others = i == _cells.Length - 1 ? 0 : last;
            // The next cell has already given the output before this cell's, its first input, a gradient.
            var before = i < _cells.Length - 1 && (weights || i >= 1) ? cell.Previous.Count : 0;
            largest = Moment.Larger(largest, new Moment(
                Kept(outputs, cell) + others, cell.Output.Count + others + before, Backward(cell, i, weights)));
            outputs -= cell.Output.Count;
        }
        if (weights)
        {
            var way = Math.Max(_stem.Count + stem.Recorded, stem.Held + stem.Gradients);
            largest = Moment.Larger(largest, new Moment((_bfloat16 ? outputs / 2 : outputs) + last, last + _stem.Count, way));
        }
        return largest;
    }

    /// <summary>
    /// The most numbers per image while the network only runs forwards and keeps two outputs: <see cref="LeanSupernet.Forward"/>.
    /// </summary>
    public long Ranking() => Math.Max(_stem.Count + RunMemory.Of(StemLayers, _images, _stem.Channels, affine: true).Forward,
        _cells.Max(cell => cell.BeforePrevious.Count + cell.Previous.Count + cell.Output.Count + Forward(cell)));

    /// <summary>
    /// Outputs that are kept (<see cref="KeptFeatures"/>): in bfloat16 half of them, and in full those that a cell works with.
    /// </summary>
    private long Kept(long outputs, Cell cell)
    {
        var inFull = cell.BeforePrevious.Count + cell.Previous.Count + cell.Output.Count;
        return _bfloat16 ? (outputs - inFull) / 2 + inFull : outputs;
    }

    private static Layer[] StemLayers { get; } = [new Layer.Convolution(3), new Layer.BatchNorm()];

    /// <summary>A cell that runs forwards, without its output.</summary>
    private long Forward(Cell cell)
    {
        var first = RunMemory.Of(cell.FirstLayers, cell.BeforePrevious, cell.State.Channels);
        var second = RunMemory.Of(CandidateOperation.Preprocess, cell.Previous, cell.State.Channels);
        var largest = Math.Max(first.Forward, cell.State.Count + second.Forward);
        var states = 2 * cell.State.Count;
        for (var state = 0; state < States; state++)
        {
            largest = Math.Max(largest, states + SideBySide(OperationsOn(cell, state, weights: false, needed: true), run => run.Forward));
            if (Bypass(cell, state) is { } bypass)
                states += bypass.Forward;
        }
        return largest;
    }

    /// <summary>A cell that runs backwards, without its output and the output's gradient.</summary>
    private long Backward(Cell cell, int index, bool weights)
    {
        var largest = 0L;
        for (var node = CellTopology.Inputs; node < States; node++)
            largest = Math.Max(largest, State(cell, node, weights, needed: true));
        var first = Input(cell.BeforePrevious, cell.FirstLayers, 0, weights || index >= 2);
        var given = weights || index >= 2 ? cell.BeforePrevious.Count : 0;
        var second = Input(cell.Previous, CandidateOperation.Preprocess, 1, weights || index >= 1);
        return Math.Max(largest, Math.Max(first, given + second));

        long Input(FeatureSize input, IReadOnlyList<Layer> layers, int state, bool needed)
        {
            var run = RunMemory.Of(layers, input, cell.State.Channels, affine: false, weights, needed);
            var total = needed ? run.Output.Count : 0;
            var states = run.Held + total + State(cell, state, weights, needed);
            return Math.Max(Math.Max(run.Recorded, states), needed ? run.Held + run.Gradients : 0);
        }
    }

    /// <summary>The gradients of what follows on a state: its operations' or its bypass's, whichever takes more.</summary>
    private long State(Cell cell, int state, bool weights, bool needed)
    {
        var operations = SideBySide(OperationsOn(cell, state, weights, needed), run => run.Backward);
        return Math.Max(operations, Bypass(cell, state)?.Backward ?? 0);
    }

    /// <summary>The most that operations take which run at the same time: a row of as many as there are threads.</summary>
    private long SideBySide(List<RunMemory> runs, Func<RunMemory, long> memory)
    {
        var largest = 0L;
        for (var i = 0; i == 0 || i + _threads <= runs.Count; i++)
            largest = Math.Max(largest, runs.Skip(i).Take(_threads).Sum(memory));
        return largest;
    }

    private int States => CellTopology.Inputs + _mask.Space.Topology.Nodes;

    /// <summary>
    /// The operations that are run on a state, in the order of <see cref="StateUses"/>: those without parameters once for all edges.
    /// </summary>
    private List<RunMemory> OperationsOn(Cell cell, int state, bool weights, bool needed)
    {
        var (topology, input) = (_mask.Space.Topology, cell.Of(state));
        var edges = Enumerable.Range(0, topology.EdgeCount).Where(edge => topology.Ends(edge).From == state).ToArray();
        var mixed = input with { Channels = input.Channels / _options.PartialChannels };
        var runs = new List<RunMemory>();
        for (var row = 0; row < _mask.Space.Operations.Count; row++)
        {
            var operation = _mask.Space.Operations[row];
            var live = edges.Count(edge => operation.CanBeChosen && _mask[cell.Kind, edge, row]);
            if (live == 0)
                continue;
            var layers = operation.Layers(topology.Stride(cell.Kind, edges[0]));
            var run = RunMemory.Of(operation.IsNormalizedInSearch ? [.. layers, new Layer.BatchNorm()] : layers, mixed, mixed.Channels,
                affine: false, weights, needed);
            runs.AddRange(Enumerable.Repeat(run, Parameters(layers, mixed.Channels, mixed.Channels) > 0 ? live : 1));
        }
        return runs;
    }

    /// <summary>What the channels that bypass a state's operations take; null without partial connections.</summary>
    private RunMemory? Bypass(Cell cell, int state)
    {
        if (_options.PartialChannels == 1 || state == States - 1)
            return null;
        var input = cell.Of(state);
        var rest = input with { Channels = input.Channels - input.Channels / _options.PartialChannels };
        var stride = state < CellTopology.Inputs && cell.Kind == CellKind.Reduction ? 2 : 1;
        return RunMemory.Of(stride == 1 ? [] : [new Layer.MaxPool(BypassModule.Window, stride)], rest, rest.Channels);
    }

    private static long Parameters(IReadOnlyList<Layer> layers, long inputs, long outputs)
    {
        var count = 0L;
        foreach (var layer in layers)
        {
            count += layer switch
            {
                Layer.Convolution { Depthwise: true } convolution => inputs * convolution.Kernel * convolution.Kernel,
                Layer.Convolution convolution => inputs * outputs * convolution.Kernel * convolution.Kernel,
                Layer.FactorizedReduce => inputs * outputs,
                _ => 0,
            };
            if (layer is Layer.Convolution { Depthwise: false } or Layer.FactorizedReduce)
                inputs = outputs;
        }
        return count;
    }

    /// <summary>Where a cell stands, and the sizes of what it reads and makes.</summary>
    private sealed record Cell(
        CellKind Kind, bool PreviousReduced, FeatureSize BeforePrevious, FeatureSize Previous, FeatureSize State, FeatureSize Node,
        FeatureSize Output)
    {
        public IReadOnlyList<Layer> FirstLayers =>
            PreviousReduced ? CandidateOperation.ReducingPreprocess : CandidateOperation.Preprocess;

        public FeatureSize Of(int state) => state < CellTopology.Inputs ? State : Node;
    }
}
