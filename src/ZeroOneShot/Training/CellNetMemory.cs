using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
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

    private readonly RunMemory _stem;
    private readonly Cell[] _cells;
    private readonly int _auxiliaryCell;
    private readonly bool _dropPath;

    /// <param name="genotype">The architecture.</param>
    /// <param name="options">The shape of the network.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="space">The table with the genotype's operations.</param>
    /// <param name="dropPath">Whether operations' outputs are dropped, of which copies are made then.</param>
    public CellNetMemory(Genotype genotype, CellNetOptions options, ImageShape shape, SearchSpace space, bool dropPath)
    {
        var images = new FeatureSize(shape.Channels, shape.Height, shape.Width);
        _stem = RunMemory.Of([new Layer.Convolution(3), new Layer.BatchNorm()], images, options.StemMultiplier * options.Channels,
            affine: true, weights: true, needed: false);
        _dropPath = dropPath;
        _auxiliaryCell = options.AuxiliaryHead ? CellNet.AuxiliaryCellOf(options) : -1;
        var cells = new List<Cell>();
        var (beforePrevious, previous) = (_stem.Output, _stem.Output);
        foreach (var plan in CellPlan.Of(genotype, options))
        {
            cells.Add(new Cell(plan, beforePrevious, previous, space, options.AffineOperations));
            (beforePrevious, previous) = (previous, cells[^1].Output);
        }
        _cells = [.. cells];
    }

    /// <summary>The operations of the network, those of the preprocessing among them.</summary>
    public long Operations => _cells.Sum(cell => cell.Edges.Count + CellTopology.Inputs);

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
        var largest = new Moment(0, _stem.Recorded);
        var kept = _stem.Held;
        var head = 0L;
        for (var i = 0; i < _cells.Length; i++)
        {
            Forward(_cells[i]);
            if (i == _auxiliaryCell)
                head = HeadKeeps * _cells[i].Output.Count;
        }
        At(head, (HeadRuns - HeadKeeps) * head / HeadKeeps);                // both classifiers run backwards
        var last = _cells[^1].Output.Count;
        var ofHead = _auxiliaryCell >= 0 ? _cells[_auxiliaryCell].Output.Count : 0;
        for (var i = _cells.Length - 1; i >= 0; i--)
            Backward(_cells[i], held: i == _cells.Length - 1 ? ofHead : ofHead + last, before: i == _cells.Length - 1 ? 0 : 1);
        At(ofHead + last + 2 * _stem.Output.Count, _stem.Gradients);
        return largest;

        void At(params ReadOnlySpan<long> more)
        {
            var atWork = 0L;
            foreach (var numbers in more)
                atWork += numbers;
            largest = Moment.Larger(largest, new Moment(kept, atWork));
        }

        void Forward(Cell cell)
        {
            At(head, cell.First.Recorded);
            kept += cell.First.Held;
            At(head, cell.Second.Recorded);
            kept += cell.Second.Held;
            var outputs = 0L;                                               // of edges, until their node adds them up
            foreach (var edge in cell.EdgesOfInputs)
                Run(edge);
            for (var node = 0; node < cell.Nodes; node++)
            {
                foreach (var edge in cell.EdgesOfNodes(node))
                    Run(edge);
                At(head, outputs, cell.Node.Count);
                kept += cell.Node.Count;
                outputs -= cell.EdgesInto(node).Sum(Output);
            }
            At(head, outputs, cell.Output.Count);
            kept += cell.Output.Count;

            void Run(Edge edge)
            {
                At(head, outputs, edge.Run.Recorded, _dropPath ? Output(edge) : 0);
                kept += edge.Run.Kept;
                outputs += Output(edge);
            }
        }

        // Gradients: of the output, of the output before it if the next cell has given it one, and of all states.
        void Backward(Cell cell, long held, int before)
        {
            var gradients = held + cell.Output.Count + before * cell.Previous.Count
                + CellTopology.Inputs * cell.State.Count + cell.Nodes * cell.Node.Count;
            for (var node = cell.Nodes - 1; node >= 0; node--)
            {
                foreach (var edge in cell.EdgesOfNodes(node))
                    Back(edge);
            }
            foreach (var edge in cell.EdgesOfInputs)
                Back(edge);
            At(gradients, cell.First.Gradients);
            At(gradients, cell.BeforePrevious.Count, cell.Second.Gradients);
            kept -= cell.First.Held + cell.Second.Held + cell.Nodes * cell.Node.Count + cell.Output.Count;

            void Back(Edge edge)
            {
                At(gradients, edge.Run.Gradients);
                kept -= edge.Run.Kept;
            }
        }
    }

    /// <summary>What an operation's output takes until its node has added it, beyond what the operation keeps.</summary>
    private long Output(Edge edge) => edge.IsIdentity ? 0 : _dropPath ? edge.Run.Output.Count : edge.Run.Held - edge.Run.Kept;

    private readonly record struct Edge(int Input, bool IsIdentity, RunMemory Run);

    /// <summary>The sizes of what a cell reads and makes, and its runs.</summary>
    private sealed class Cell
    {
        public Cell(CellPlan plan, FeatureSize beforePrevious, FeatureSize previous, SearchSpace space, bool affine)
        {
            (BeforePrevious, Previous) = (beforePrevious, previous);
            First = RunMemory.Of(plan.FirstPreprocess, beforePrevious, plan.Channels, affine: true, weights: true);
            Second = RunMemory.Of(CandidateOperation.Preprocess, previous, plan.Channels, affine: true, weights: true);
            State = Second.Output;
            Node = State.Reduced(plan.Kind == CellKind.Reduction ? 2 : 1);
            Output = Node with { Channels = plan.OutputChannels };
            Nodes = plan.Genotype.Nodes;
            Edges = [.. plan.Genotype.Edges.Select(edge =>
            {
                var layers = plan.Layers(space, edge);
                var input = edge.Input < CellTopology.Inputs ? State : Node;
                return new Edge(edge.Input, layers.Count == 0, RunMemory.Of(layers, input, plan.Channels, affine, weights: true));
            })];
        }

        public FeatureSize BeforePrevious { get; }

        public FeatureSize Previous { get; }

        public FeatureSize State { get; }

        public FeatureSize Node { get; }

        public FeatureSize Output { get; }

        public RunMemory First { get; }

        public RunMemory Second { get; }

        public int Nodes { get; }

        public IReadOnlyList<Edge> Edges { get; }

        public IEnumerable<Edge> EdgesOfInputs => Edges.Where(edge => edge.Input < CellTopology.Inputs);

        public IEnumerable<Edge> EdgesInto(int node) => Edges.Skip(CellPlan.EdgesPerNode * node).Take(CellPlan.EdgesPerNode);

        public IEnumerable<Edge> EdgesOfNodes(int node) => EdgesInto(node).Where(edge => edge.Input >= CellTopology.Inputs);
    }
}
