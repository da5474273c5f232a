using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// EPE-NAS (Lopes, Alirezazadeh and Alexandre 2021, "EPE-NAS: Efficient Performance Estimation Without Training for Neural Architecture
/// Search"): for every class the correlation matrix of the Jacobians of its images, J(i) = d (sum of all logits) / d image i; s(c) = sum
/// over its entries of log(|entry| + 1e-5). Up to 100 outputs: the sum over classes of |s(c)|. Above: each s(c) divided by the number of
/// its images, and the sum over pairs of classes of |s(a) - s(b)| divided by the number of classes; classes of one image are left out.
/// </summary>
/// <remarks>
/// <para>With batch norms in training mode, as the public code has it, the score is not defined for networks that end in batch norms (the
/// spaces of DARTS): the total of the pooled features over a batch is then a constant, the gradient of the sum of its logits is 0, and what
/// remains is rounding. It is well defined in evaluation mode, the default, where batch norms take the statistics 0 and 1 of a fresh
/// network and images do not depend on one another; and in training mode for networks with a ReLU behind the last batch norm
/// (NAS-Bench-201).</para>
/// <para>Mean over batches; on the processor in the memory of a step of the search.</para>
/// </remarks>
/// <param name="training">Whether batch norms take the statistics of the batch. Default false.</param>
public sealed class EpeNas(bool training = false) : IRankingFunction
{
    private const double Small = 1e-5;
    private const int FewClasses = 100;

    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.ActivationGradients;

    /// <inheritdoc/>
    public string Name => training ? "epe-nas-training" : "epe-nas";

    /// <inheritdoc/>
    public bool NeedsLabels => true;

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Mean(batch =>
        {
            var jacobian = ImageJacobian.Of(network, network.Images[batch], training);
            var labels = network.Labels[batch].cpu().data<long>().ToArray();
            var classes = labels.Index().GroupBy(at => at.Item, at => (long)at.Index).ToArray();
            var scores = classes.Select(ofClass =>
            {
                using var rows = jacobian.index_select(0, tensor(ofClass.ToArray(), device: jacobian.device));
                return (Score: ImageJacobian.Correlation(rows).abs().Shift(Small).log().sum().Value(), Images: ofClass.Count());
            }).ToArray();
            if (network.Outputs <= FewClasses)
                return scores.Sum(ofClass => Math.Abs(ofClass.Score));
            var counted = scores.Where(ofClass => ofClass.Images > 1).Select(ofClass => ofClass.Score / ofClass.Images).ToArray();
            return counted.SelectMany((a, i) => counted.Skip(i + 1).Select(b => Math.Abs(a - b))).Sum() / classes.Length;
        });
    }
}
