using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>The weights of a mixture as numbers, read once.</summary>
internal sealed class KnownCoefficients : MixingCoefficients
{
    private readonly double[][] _operations;
    private readonly double[][] _edges;
    private readonly double[][] _operationGradients;
    private readonly double[][] _edgeGradients;
    private readonly List<(Tensor Product, Action<double> Add)> _later = [];

    /// <inheritdoc cref="MixingCoefficients(Mixture, OperationMask, bool)"/>
    public KnownCoefficients(Mixture mixture, OperationMask network, bool apart) : base(mixture, network, apart)
    {
        var weighted = Kinds.Where(kind => mixture.Edges(kind) is not null).ToList();
        var read = HostRead.Of([.. Kinds.Select(mixture.Operations), .. weighted.Select(kind => mixture.Edges(kind)!)]);
        _operations = read[..Kinds.Count];
        _edges = [.. Kinds.Select(kind => weighted.IndexOf(kind) is >= 0 and var at
            ? read[Kinds.Count + at]
            : [.. Enumerable.Repeat(1.0, mixture.Live.Space.Topology.EdgeCount)])];
        _operationGradients = [.. _operations.Select(values => new double[values.Length])];
        _edgeGradients = [.. _edges.Select(values => new double[values.Length])];
    }

    /// <inheritdoc/>
    public override Factor Edge(CellKind kind, int edge) => _edges[(int)kind][edge];

    /// <inheritdoc/>
    public override Factor this[CellKind kind, int edge, int row] =>
        _operations[(int)kind][edge * Rows + row] * _edges[(int)kind][edge];

    /// <inheritdoc/>
    public override void AddOperation(CellKind kind, int edge, int row, Product product) => WhenKnown(product, value =>
    {
        _operationGradients[(int)kind][edge * Rows + row] += value * _edges[(int)kind][edge];
        _edgeGradients[(int)kind][edge] += value * _operations[(int)kind][edge * Rows + row];
    });

    /// <inheritdoc/>
    public override void AddBypass(CellKind kind, int edge, Product product) =>
        WhenKnown(product, value => _edgeGradients[(int)kind][edge] += value);

    /// <inheritdoc/>
    public override void AddIdle(CellKind kind, int edge, Product sum) => WhenKnown(sum, value =>
    {
        for (var row = 0; row < Rows; row++)
        {
            if (!Mixture.Live[kind, edge, row])
                AddOperation(kind, edge, row, new(value));
        }
    });

    /// <summary>Hands the gathered gradients to autograd: see <see cref="MixingCoefficients.Through"/>.</summary>
    public void Backward()
    {
        using var scope = NewDisposeScope();
        AddWhatWasLeft();
        Through(Mixture, kind => Gradient(Mixture.Operations(kind), _operationGradients[(int)kind]),
            kind => Gradient(Mixture.Edges(kind)!, _edgeGradients[(int)kind]));

        static Tensor Gradient(Tensor values, double[] gradient) =>
            tensor(gradient, values.shape, values.dtype).ToDevice(values.device);
    }

    /// <inheritdoc/>
    public override void Dispose()
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
