using TorchSharp;
using TorchSharp.Modules;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// What a one-shot search learns besides the weights: alpha per kind of cell, edge and operation, and, with edge normalisation, beta per
/// edge. Kept over the full space; masked alphas take no part in the softmax, get no gradient, and are 0 from beginning to end.
/// </summary>
public sealed class ArchitectureParameters : IDisposable
{
    /// <summary>Standard deviation of the start values, as in the public code of DARTS and PC-DARTS.</summary>
    public const double InitialScale = 1e-3;

    private static readonly Scalar s_minusInfinity = double.NegativeInfinity;           // kept alive, see TensorArithmetic

    private readonly Parameter[] _alphas;
    private readonly Parameter[]? _betas;
    private readonly Tensor[] _masked;

    /// <summary>All alphas and betas zero: every live operation and every edge weighs the same.</summary>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="edgeNormalization">Whether there are betas.</param>
    /// <param name="type">Precision; Float32 or Float64.</param>
    /// <param name="device">Where they are kept; null is the CPU.</param>
    /// <exception cref="ArgumentException">The mask leaves an edge no operation, or no genotype.</exception>
    public ArchitectureParameters(OperationMask mask, bool edgeNormalization, ScalarType type = ScalarType.Float32, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(mask);
        mask.ThrowIfNoGenotype();
        Mask = mask;
        var (edges, operations) = (mask.Space.Topology.EdgeCount, mask.Space.Operations.Count);
        _alphas = [.. Mask.Space.Kinds.Select(_ => nn.Parameter(zeros([edges, operations], type, device)))];
        _betas = edgeNormalization ? [.. Mask.Space.Kinds.Select(_ => nn.Parameter(zeros([edges], type, device)))] : null;
        _masked = [.. Mask.Space.Kinds.Select(kind => tensor(
            [.. Enumerable.Range(0, edges).SelectMany(edge => Enumerable.Range(0, operations).Select(o => !mask[kind, edge, o]))],
            [edges, operations], device: device))];
        foreach (var own in _alphas.Concat(_betas ?? []).Concat(_masked))
            own.DetachFromDisposeScope();
    }

    /// <summary>Which operations are live.</summary>
    public OperationMask Mask { get; }

    /// <summary>Alpha: edges x operations.</summary>
    /// <param name="kind">The kind of cell.</param>
    public Parameter Alphas(CellKind kind) => _alphas[(int)kind];

    /// <summary>Beta: one per edge; null without edge normalisation.</summary>
    /// <param name="kind">The kind of cell.</param>
    public Parameter? Betas(CellKind kind) => _betas?[(int)kind];

    /// <summary>All alphas and betas, as an optimizer takes them.</summary>
    public IEnumerable<Parameter> Parameters => _alphas.Concat(_betas ?? []);

    /// <summary>
    /// Draws the start values: the scale times a standard normal; 0 for masked alphas, which the L2 decay of Adam then leaves there.
    /// </summary>
    /// <param name="random">The stream of random numbers.</param>
    /// <param name="scale">Their standard deviation, at least 0. Default <see cref="InitialScale"/>.</param>
    public void Initialize(RandomStream random, double scale = InitialScale)
    {
        ArgumentNullException.ThrowIfNull(random);
        using var _ = no_grad();
        foreach (var parameter in Parameters)
        {
            using var drawn = empty(parameter.shape, parameter.dtype).normal_(0, scale, random.Generator);
            parameter.copy_(drawn);                                                 // numbers are drawn on the CPU, whatever the device
        }
        foreach (var kind in Mask.Space.Kinds)
            Alphas(kind).masked_fill_(_masked[(int)kind], 0);
    }

    /// <summary>The softmax of alpha over the live operations of every edge, Eq. (1), and of beta over the edges into every node.</summary>
    public Mixture Mixture() => Mixture(Softmax);

    /// <summary>All live operations with weights of one's own, and the softmax of beta over the edges into every node.</summary>
    /// <param name="weights">The weights of the operations of a kind of cell: edges x operations, 0 where masked.</param>
    public Mixture Mixture(Func<CellKind, Tensor> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return new Mixture(Mask, [.. Mask.Space.Kinds.Select(weights)], EdgeWeights());
    }

    /// <summary>Alpha with another value where it is masked: edges x operations. Its gradient goes to the live alphas alone.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="masked">The value; minus infinity is what a softmax, a sigmoid or an exponential makes 0 of.</param>
    public Tensor MaskedAlphas(CellKind kind, double masked = double.NegativeInfinity)
    {
        if (double.IsNegativeInfinity(masked))
            return Alphas(kind).masked_fill(_masked[(int)kind], s_minusInfinity);
        using Scalar value = masked;
        return Alphas(kind).masked_fill(_masked[(int)kind], value);
    }

    /// <summary>The softmax of alpha over the live operations of every edge: edges x operations, 0 where masked.</summary>
    /// <param name="kind">The kind of cell.</param>
    public Tensor Softmax(CellKind kind)
    {
        using var live = MaskedAlphas(kind);
        return nn.functional.softmax(live, -1);
    }

    /// <summary>
    /// Per kind of cell the softmax of beta over the edges into every node: one weight an edge; null without edge normalisation.
    /// </summary>
    public IReadOnlyList<Tensor>? EdgeWeights() => _betas is null ? null : [.. Mask.Space.Kinds.Select(EdgeWeights)];

    /// <summary>log(sum(exp(alpha))) over the live operations of every edge: one value per edge.</summary>
    /// <param name="kind">The kind of cell.</param>
    public Tensor LogSumExp(CellKind kind)
    {
        using var live = MaskedAlphas(kind);
        return live.logsumexp(1);
    }

    /// <summary>
    /// Reads off the architecture: the top-edges rule (<see cref="OperationMask.ReadGenotype"/>) on the softmax of alpha, times the edge's
    /// weight where there is one.
    /// </summary>
    public Genotype Genotype() => Genotype(Softmax);

    /// <summary>The same with scores of one's own in place of the softmax of alpha.</summary>
    /// <param name="scores">The scores of the operations of a kind of cell: edges x operations.</param>
    public Genotype Genotype(Func<CellKind, Tensor> scores) => Reading(scores, mayShareInput: false).Strongest();

    /// <summary>What a genotype may choose from, with such scores, times the edge's weight where there is one.</summary>
    internal GenotypeReading Reading(Func<CellKind, Tensor> scores, bool mayShareInput)
    {
        using var _ = no_grad();
        using var mixture = Mixture(scores);
        var operations = Mask.Space.Kinds.Select(kind => Numbers(mixture.Operations(kind))!).ToArray();
        var edges = Mask.Space.Kinds.Select(kind => Numbers(mixture.Edges(kind))).ToArray();
        return new GenotypeReading(Mask, (kind, edge, operation) =>
            operations[(int)kind][edge * Mask.Space.Operations.Count + operation] * (edges[(int)kind]?[edge] ?? 1), mayShareInput);

        static double[]? Numbers(Tensor? weights)
        {
            using var scope = NewDisposeScope();
            return weights?.to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
        }
    }

    /// <summary>Alpha as numbers, per kind of cell: edges x operations, row by row.</summary>
    public IReadOnlyDictionary<CellKind, IReadOnlyList<float>> AlphaValues() =>
        Mask.Space.Kinds.ToDictionary(kind => kind, kind => Values(Alphas(kind)));

    /// <summary>Beta as numbers, per kind of cell; null without edge normalisation.</summary>
    public IReadOnlyDictionary<CellKind, IReadOnlyList<float>>? BetaValues() =>
        _betas is null ? null : Mask.Space.Kinds.ToDictionary(kind => kind, kind => Values(_betas[(int)kind]));

    private static IReadOnlyList<float> Values(Tensor parameter)
    {
        using var scope = NewDisposeScope();
        return parameter.detach().to(ScalarType.Float32).cpu().data<float>().ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _alphas.Concat(_betas ?? []).Concat(_masked))
            tensor.Dispose();
    }

    private Tensor EdgeWeights(CellKind kind)
    {
        using var scope = NewDisposeScope();
        var beta = Betas(kind)!;
        return cat([.. Enumerable.Range(0, Mask.Space.Topology.Nodes)
            .Select(node => nn.functional.softmax(beta[Mask.Space.Topology.EdgesInto(node)], -1))]).MoveToOuterDisposeScope();
    }
}
