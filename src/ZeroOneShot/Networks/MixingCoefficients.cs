using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// The weights of a mixture as numbers, and the gradient of the loss with respect to them, gathered while cells run backwards.
/// </summary>
internal sealed class MixingCoefficients
{
    private readonly double[][] _operations;
    private readonly double[][] _edges;
    private readonly double[][] _operationGradients;
    private readonly double[][] _edgeGradients;
    private readonly OperationMask _live;
    private readonly int _rows;

    public MixingCoefficients(Mixture mixture)
    {
        _live = mixture.Live;
        _rows = mixture.Live.Space.Operations.Count;
        _operations = [.. SearchSpace.CellKinds.Select(kind => Values(mixture.Operations(kind)))];
        _edges = [.. SearchSpace.CellKinds.Select(kind => mixture.Edges(kind) is { } edges
            ? Values(edges)
            : [.. Enumerable.Repeat(1.0, mixture.Live.Space.Topology.EdgeCount)])];
        _operationGradients = [.. _operations.Select(values => new double[values.Length])];
        _edgeGradients = [.. _edges.Select(values => new double[values.Length])];
    }

    /// <summary>Whether an operation runs.</summary>
    public bool IsLive(CellKind kind, int edge, int row) => _live[kind, edge, row];

    /// <summary>Whether any operation of an edge runs; without one there is no edge, and nothing bypasses it.</summary>
    public bool IsLive(CellKind kind, int edge) => _live.LiveCount(kind, edge) > 0;

    /// <summary>The weight of an edge; 1 without edge normalisation.</summary>
    public double Edge(CellKind kind, int edge) => _edges[(int)kind][edge];

    /// <summary>The weight of an operation times that of its edge; 0 where masked.</summary>
    public double this[CellKind kind, int edge, int row] => _operations[(int)kind][edge * _rows + row] * _edges[(int)kind][edge];

    /// <summary>Adds the product of an operation's output and of the gradient of what its edge adds to.</summary>
    public void AddOperation(CellKind kind, int edge, int row, double product)
    {
        _operationGradients[(int)kind][edge * _rows + row] += product * _edges[(int)kind][edge];
        _edgeGradients[(int)kind][edge] += product * _operations[(int)kind][edge * _rows + row];
    }

    /// <summary>Adds the product of the channels that bypass an edge's operations and of the gradient of what they add to.</summary>
    public void AddBypass(CellKind kind, int edge, double product) => _edgeGradients[(int)kind][edge] += product;

    /// <summary>Hands the gathered gradients to autograd, which takes them through the softmaxes to alpha and beta.</summary>
    public void Backward(Mixture mixture)
    {
        foreach (var kind in SearchSpace.CellKinds)
        {
            Through(mixture.Operations(kind), _operationGradients[(int)kind]);
            if (mixture.Edges(kind) is { } edges)
                Through(edges, _edgeGradients[(int)kind]);
        }
    }

    private static void Through(Tensor weights, double[] gradient)
    {
        using var scope = NewDisposeScope();
        weights.backward([tensor(gradient, weights.shape, weights.dtype, weights.device)]);
    }

    private static double[] Values(Tensor weights)
    {
        using var scope = NewDisposeScope();
        return weights.detach().to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
    }
}
