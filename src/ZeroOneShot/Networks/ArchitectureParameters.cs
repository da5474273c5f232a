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
        _alphas = [.. SearchSpace.CellKinds.Select(_ => nn.Parameter(zeros([edges, operations], type, device)))];
        _betas = edgeNormalization ? [.. SearchSpace.CellKinds.Select(_ => nn.Parameter(zeros([edges], type, device)))] : null;
        _masked = [.. SearchSpace.CellKinds.Select(kind => tensor(
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
    /// Draws the start values: 1e-3 times a standard normal; 0 for masked alphas, which the L2 decay of Adam then leaves there.
    /// </summary>
    /// <param name="random">The stream of random numbers.</param>
    public void Initialize(RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(random);
        using var _ = no_grad();
        foreach (var parameter in Parameters)
        {
            using var drawn = empty(parameter.shape, parameter.dtype).normal_(0, InitialScale, random.Generator);
            parameter.copy_(drawn);                                                 // numbers are drawn on the CPU, whatever the device
        }
        foreach (var kind in SearchSpace.CellKinds)
            Alphas(kind).masked_fill_(_masked[(int)kind], 0);
    }

    /// <summary>The softmax of alpha over the live operations of every edge, Eq. (1), and of beta over the edges into every node.</summary>
    public Mixture Mixture() => new(Mask, [.. SearchSpace.CellKinds.Select(OperationWeights)],
        _betas is null ? null : [.. SearchSpace.CellKinds.Select(EdgeWeights)]);

    /// <summary>log(sum(exp(alpha))) over the live operations of every edge: one value per edge.</summary>
    /// <param name="kind">The kind of cell.</param>
    public Tensor LogSumExp(CellKind kind)
    {
        using var live = Alphas(kind).masked_fill(_masked[(int)kind], s_minusInfinity);
        return live.logsumexp(1);
    }

    /// <summary>
    /// Reads off the architecture: per node the two incoming edges whose best live operation other than <c>none</c> scores highest (softmax
    /// of alpha, times the edge's weight where there is one), each with that operation.
    /// </summary>
    public Genotype Genotype()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using var mixture = Mixture();
        return new Genotype(Cell(CellKind.Normal), Cell(CellKind.Reduction));

        CellGenotype Cell(CellKind kind)
        {
            var space = Mask.Space;
            using var weights = mixture.Operations(kind).to(ScalarType.Float64).cpu();
            var scores = weights.data<double>().ToArray();
            using var edgeWeights = mixture.Edges(kind)?.to(ScalarType.Float64).cpu();
            var edgeScores = edgeWeights?.data<double>().ToArray();
            var chosen = new List<GenotypeEdge>();
            for (var node = 0; node < space.Topology.Nodes; node++)
            {
                var (start, length) = CellTopology.EdgesInto(node).GetOffsetAndLength(space.Topology.EdgeCount);
                chosen.AddRange(Enumerable.Range(start, length)
                    .Select(edge => (From: edge - start, Best: Best(edge)))
                    .Where(edge => edge.Best.Operation >= 0)
                    .OrderByDescending(edge => edge.Best.Score)                     // stable: among equals the earlier state
                    .Take(CellTopology.Inputs)
                    .Select(edge => new GenotypeEdge(space.Operations[edge.Best.Operation].Name, edge.From)));
            }
            return new CellGenotype(chosen);

            (int Operation, double Score) Best(int edge)
            {
                var best = (Operation: -1, Score: double.NegativeInfinity);
                foreach (var operation in Mask.Live(kind, edge).Where(o => space.Operations[o].CanBeChosen))
                {
                    var score = scores[edge * space.Operations.Count + operation] * (edgeScores?[edge] ?? 1);
                    if (score > best.Score)
                        best = (operation, score);
                }
                return best;
            }
        }
    }

    /// <summary>Alpha as numbers, per kind of cell: edges x operations, row by row.</summary>
    public IReadOnlyDictionary<CellKind, IReadOnlyList<float>> AlphaValues() =>
        SearchSpace.CellKinds.ToDictionary(kind => kind, kind => Values(Alphas(kind)));

    /// <summary>Beta as numbers, per kind of cell; null without edge normalisation.</summary>
    public IReadOnlyDictionary<CellKind, IReadOnlyList<float>>? BetaValues() =>
        _betas is null ? null : SearchSpace.CellKinds.ToDictionary(kind => kind, kind => Values(_betas[(int)kind]));

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

    private Tensor OperationWeights(CellKind kind)
    {
        using var live = Alphas(kind).masked_fill(_masked[(int)kind], s_minusInfinity);
        return nn.functional.softmax(live, -1);
    }

    private Tensor EdgeWeights(CellKind kind)
    {
        using var scope = NewDisposeScope();
        var beta = Betas(kind)!;
        return cat([.. Enumerable.Range(0, Mask.Space.Topology.Nodes)
            .Select(node => nn.functional.softmax(beta[CellTopology.EdgesInto(node)], -1))]).MoveToOuterDisposeScope();
    }
}
