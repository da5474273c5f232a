using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// The weights of a mixture as numbers, and the gradient of the loss with respect to them, gathered while cells run backwards.
/// </summary>
internal sealed class MixingCoefficients : IDisposable
{
    private readonly double[][] _operations;
    private readonly double[][] _edges;
    private readonly double[][] _operationGradients;
    private readonly double[][] _edgeGradients;
    private readonly IReadOnlyList<CellKind> _kinds;
    private readonly Mixture _mixture;
    private readonly bool _runsAll, _apart;
    private readonly int _rows;
    private readonly List<(Tensor Product, Action<double> Add)> _later = [];

    /// <param name="mixture">The weights.</param>
    /// <param name="network">The operations that the network has.</param>
    /// <param name="apart">
    /// Whether an operation without parameters, where it runs on some edges only, runs for each of them: their batch norms then keep
    /// running statistics of their own, as with autograd.
    /// </param>
    public MixingCoefficients(Mixture mixture, OperationMask network, bool apart)
    {
        (_mixture, _runsAll, _apart) = (mixture, mixture.Live.Equals(network), apart);
        (_kinds, _rows) = (mixture.Live.Space.Kinds, mixture.Live.Space.Operations.Count);
        var weighted = _kinds.Where(kind => mixture.Edges(kind) is not null).ToList();
        var read = HostRead.Of([.. _kinds.Select(mixture.Operations), .. weighted.Select(kind => mixture.Edges(kind)!)]);
        _operations = read[.._kinds.Count];
        _edges = [.. _kinds.Select(kind => weighted.IndexOf(kind) is >= 0 and var at
            ? read[_kinds.Count + at]
            : [.. Enumerable.Repeat(1.0, mixture.Live.Space.Topology.EdgeCount)])];
        _operationGradients = [.. _operations.Select(values => new double[values.Length])];
        _edgeGradients = [.. _edges.Select(values => new double[values.Length])];
    }

    /// <summary>The operations to run on a state.</summary>
    public IReadOnlyList<StateUses.OperationUse> Runs(CellKind kind, StateUses uses)
    {
        if (_runsAll)
            return uses.Operations;
        var runs = uses.Operations.Where(use => Runs(kind, use));
        return [.. _apart ? runs.SelectMany(use => use.Apart().Where(one => _mixture.Live[kind, one.Edges[0].Index, use.Row])) : runs];
    }

    /// <summary>Whether an operation runs, on any edge.</summary>
    public bool Runs(CellKind kind, StateUses.OperationUse use) => use.Edges.Any(edge => _mixture.Live[kind, edge.Index, use.Row]);

    /// <summary>Whether any operation of an edge runs; without one there is no edge, and nothing bypasses it.</summary>
    public bool IsLive(CellKind kind, int edge) => _mixture.Live.LiveCount(kind, edge) > 0;

    /// <summary>Whether operations that do not run get a gradient: see <see cref="AddIdle"/>.</summary>
    public bool AddsIdleWeights => _mixture.AddsIdleWeights;

    /// <summary>The weight of an edge; 1 without edge normalisation.</summary>
    public double Edge(CellKind kind, int edge) => _edges[(int)kind][edge];

    /// <summary>The weight of an operation times that of its edge; 0 where masked.</summary>
    public double this[CellKind kind, int edge, int row] => _operations[(int)kind][edge * _rows + row] * _edges[(int)kind][edge];

    /// <summary>Adds the product of an operation's output and of the gradient of what its edge adds to.</summary>
    public void AddOperation(CellKind kind, int edge, int row, Product product) => WhenKnown(product, value =>
    {
        _operationGradients[(int)kind][edge * _rows + row] += value * _edges[(int)kind][edge];
        _edgeGradients[(int)kind][edge] += value * _operations[(int)kind][edge * _rows + row];
    });

    /// <summary>Adds the product of the channels that bypass an edge's operations and of the gradient of what they add to.</summary>
    public void AddBypass(CellKind kind, int edge, Product product) =>
        WhenKnown(product, value => _edgeGradients[(int)kind][edge] += value);

    /// <summary>Adds the sum of the gradient of what an edge adds to, for the operations that do not run on it.</summary>
    public void AddIdle(CellKind kind, int edge, Product sum) => WhenKnown(sum, value =>
    {
        for (var row = 0; row < _rows; row++)
        {
            if (!_mixture.Live[kind, edge, row])
                AddOperation(kind, edge, row, new(value));
        }
    });

    /// <summary>
    /// Hands the gathered gradients to autograd, which takes them through the relaxation to alpha and beta: all at once, since weights of
    /// several kinds of cells may share a graph.
    /// </summary>
    public void Backward()
    {
        using var scope = NewDisposeScope();
        AddWhatWasLeft();
        var (weights, gradients) = (new List<Tensor>(), new List<Tensor>());
        foreach (var kind in _kinds)
        {
            Through(_mixture.Operations(kind), _operationGradients[(int)kind]);
            if (_mixture.Edges(kind) is { } edges)
                Through(edges, _edgeGradients[(int)kind]);
        }
        if (weights.Count > 0)
            autograd.backward(weights, gradients);

        void Through(Tensor values, double[] gradient)
        {
            if (!values.requires_grad)
                return;                                                             // a relaxation may set weights by hand
            weights.Add(values);
            gradients.Add(tensor(gradient, values.shape, values.dtype).ToDevice(values.device));
        }
    }

    /// <summary>Lets go of products that were never added: a step that failed.</summary>
    public void Dispose()
    {
        foreach (var (product, _) in _later)
            product.Dispose();
        _later.Clear();
    }

    private void WhenKnown(Product product, Action<double> add)
    {
        if (product.Later is { } later)
            _later.Add((later, add));
        else
            add(product.Value!.Value);
    }

    /// <summary>Reads all products at once and adds them, in the order in which they came.</summary>
    private void AddWhatWasLeft()
    {
        if (_later.Count == 0)
            return;
        using (var products = stack([.. _later.Select(product => product.Product)]))
        {
            foreach (var (value, (_, add)) in HostRead.Of(products)[0].Zip(_later))
                add(value);
        }
        Dispose();
    }
}
