using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// The weights of a mixture as factors, and the gradient of the loss with respect to them, gathered while cells run backwards.
/// </summary>
/// <param name="mixture">The weights.</param>
/// <param name="network">The operations that the network has.</param>
/// <param name="apart">
/// Whether an operation without parameters, where it runs on some edges only, runs for each of them: their batch norms then keep
/// running statistics of their own, as with autograd.
/// </param>
internal abstract class MixingCoefficients(Mixture mixture, OperationMask network, bool apart) : IDisposable
{
    private readonly bool _runsAll = RunsAll(mixture, network);

    /// <summary>Whether a mixture runs all operations that a network has.</summary>
    public static bool RunsAll(Mixture mixture, OperationMask network) => mixture.Live.Equals(network);

    /// <summary>The operations to run on a state.</summary>
    public IReadOnlyList<StateUses.OperationUse> Runs(CellKind kind, StateUses uses)
    {
        if (_runsAll)
            return uses.Operations;
        var runs = uses.Operations.Where(use => Runs(kind, use));
        return [.. apart ? runs.SelectMany(use => use.Apart().Where(one => Mixture.Live[kind, one.Edges[0].Index, use.Row])) : runs];
    }

    /// <summary>Whether an operation runs, on any edge.</summary>
    public bool Runs(CellKind kind, StateUses.OperationUse use) => use.Edges.Any(edge => Mixture.Live[kind, edge.Index, use.Row]);

    /// <summary>Whether any operation of an edge runs; without one there is no edge, and nothing bypasses it.</summary>
    public bool IsLive(CellKind kind, int edge) => Mixture.Live.LiveCount(kind, edge) > 0;

    /// <summary>Whether operations that do not run get a gradient: see <see cref="AddIdle"/>.</summary>
    public bool AddsIdleWeights => Mixture.AddsIdleWeights;

    /// <summary>The weight of an edge; 1 without edge normalisation.</summary>
    public abstract Factor Edge(CellKind kind, int edge);

    /// <summary>The weight of an operation times that of its edge; 0 where masked.</summary>
    public abstract Factor this[CellKind kind, int edge, int row] { get; }

    /// <summary>Adds the product of an operation's output and of the gradient of what its edge adds to.</summary>
    public abstract void AddOperation(CellKind kind, int edge, int row, Product product);

    /// <summary>Adds the product of the channels that bypass an edge's operations and of the gradient of what they add to.</summary>
    public abstract void AddBypass(CellKind kind, int edge, Product product);

    /// <summary>Adds the sum of the gradient of what an edge adds to, for the operations that do not run on it.</summary>
    public abstract void AddIdle(CellKind kind, int edge, Product sum);

    /// <summary>Lets go of what was gathered and never used: a step that failed.</summary>
    public abstract void Dispose();

    /// <summary>The weights.</summary>
    protected Mixture Mixture => mixture;

    /// <summary>The number of operations in the table of the space.</summary>
    protected int Rows => mixture.Live.Space.Operations.Count;

    /// <summary>The kinds of cells.</summary>
    protected IReadOnlyList<CellKind> Kinds => mixture.Live.Space.Kinds;

    /// <summary>
    /// Hands gradients of weights to autograd, which takes them through the relaxation to alpha and beta: all at once, since weights of
    /// several kinds of cells may share a graph.
    /// </summary>
    /// <param name="mixture">The weights.</param>
    /// <param name="operations">The gradient with respect to those of the operations, per kind.</param>
    /// <param name="edges">The same for edges; not asked for without edge normalisation.</param>
    public static void Through(Mixture mixture, Func<CellKind, Tensor> operations, Func<CellKind, Tensor> edges)
    {
        var (weights, gradients) = (new List<Tensor>(), new List<Tensor>());
        foreach (var kind in mixture.Live.Space.Kinds)
        {
            Add(mixture.Operations(kind), operations);
            if (mixture.Edges(kind) is { } ofEdges)
                Add(ofEdges, edges);

            void Add(Tensor values, Func<CellKind, Tensor> gradient)
            {
                if (!values.requires_grad)
                    return;                                                         // a relaxation may set weights by hand
                weights.Add(values);
                gradients.Add(gradient(kind));
            }
        }
        if (weights.Count > 0)
            autograd.backward(weights, gradients);
    }
}
