using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// The ranks of a whole network and, to first order, of those that lack one of its live operations.
/// </summary>
/// <remarks>
/// <para>N without j is N at other mixing weights: on j's edge, whose n live operations weigh 1/n each, j weighs 0 and the others
/// 1/(n - 1). With g_o = dr/dw_o, summed over all cells of the kind,</para>
/// <para>r(N without j) = r(N) - g_j / n + (sum over the others o of g_o) / (n (n - 1)) + higher orders.</para>
/// <para>An edge that loses its last operation loses its bypass too: its weight beta goes to 0, and
/// r(N without j) = r(N) - beta dr/dbeta + higher orders.</para>
/// <para>One forward run of all batches gives r and dr/dlogits; a lean backward run of each, dr/dw.</para>
/// </remarks>
internal static class FirstOrderRanks
{
    /// <summary>The ranks, the whole network's first, then in the order of the mask.</summary>
    /// <param name="lean">The network, at its random weights.</param>
    /// <param name="batches">The images.</param>
    /// <param name="mask">The live operations.</param>
    /// <param name="edgeNormalization">Whether edges have weights.</param>
    /// <param name="functions">The ranking functions, each with <see cref="IRankingFunction.OfLogits"/>.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    /// <returns>One array a network, with a value for every function.</returns>
    public static double[][] Of(LeanSupernet lean, IReadOnlyList<Tensor> batches, OperationMask mask, bool edgeNormalization,
        IReadOnlyList<IRankingFunction> functions, CancellationToken cancellationToken)
    {
        var logits = new List<Tensor>();
        var weights = lean.Supernet.parameters().Where(weight => weight.requires_grad).ToArray();
        using var scope = NewDisposeScope();
        using (var mixture = Mixture.Uniform(mask, edgeNormalization, batches[0].device))
        {
            foreach (var batch in batches)
            {
                cancellationToken.ThrowIfCancellationRequested();
                logits.Add(lean.Forward(batch, mixture));
            }
        }
        foreach (var weight in weights)
            weight.requires_grad_(false);                                           // their gradients are not asked for
        try
        {
            var ofFunctions = functions.Select(function => Ranks(function.OfLogits!)).ToArray();
            return [.. Enumerable.Range(0, mask.TotalLive + 1).Select(i => ofFunctions.Select(ranks => ranks[i]).ToArray())];
        }
        finally
        {
            foreach (var weight in weights)
                weight.requires_grad_(true);
        }

        double[] Ranks(Func<Tensor, Tensor> function)
        {
            using var inner = NewDisposeScope();
            var leaf = cat(logits).detach().requires_grad_(true);
            Tensor rank;
            using (enable_grad())
            {
                rank = function(leaf);
                rank.backward();
            }
            using var mixture = Differentiable();
            var first = 0L;
            foreach (var batch in batches)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var gradient = leaf.grad!.narrow(0, first, batch.shape[0]);
                lean.GradientOf(batch, ofBatch => (ofBatch * gradient).sum(), mixture, mixing: true);
                lean.Track(false);
                first += batch.shape[0];
            }
            var whole = rank.detach().Value();
            return [whole, .. mask.AllLive.Select(j => whole - Lost(mixture, j.Kind, j.Edge, j.Operation))];
        }

        double Lost(Mixture mixture, CellKind kind, int edge, int operation)
        {
            using var inner = NewDisposeScope();
            var n = mask.LiveCount(kind, edge);
            if (n == 1)
                return mixture.Edges(kind)![edge].Value() * mixture.Edges(kind)!.grad![edge].Value();
            var gradients = mixture.Operations(kind).grad![edge].data<double>();
            var (ofOperation, ofOthers) = (gradients[operation], 0.0);
            foreach (var other in mask.Live(kind, edge).Where(row => row != operation))
                ofOthers += gradients[other];
            return ofOperation / n - ofOthers / (n * (n - 1.0));
        }

        // Edges have weights here, of 1 where the network has none: what bypasses operations is differentiated through them.
        Mixture Differentiable()
        {
            using var uniform = Mixture.Uniform(mask, edgeNormalization, type: ScalarType.Float64);
            return new Mixture(mask, [.. mask.Space.Kinds.Select(kind => Leaf(uniform.Operations(kind).clone()))],
                [.. mask.Space.Kinds.Select(kind => Leaf(
                    uniform.Edges(kind)?.clone() ?? ones(mask.Space.Topology.EdgeCount, ScalarType.Float64)))]);
        }

        static Tensor Leaf(Tensor values) => values.requires_grad_(true).DetachFromDisposeScope();
    }
}
