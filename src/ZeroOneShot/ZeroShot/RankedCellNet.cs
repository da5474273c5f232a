using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// The network of a genotype with random weights: what a ranking function gets where a genotype is scored (<see cref="Ranking"/>,
/// <see cref="ZeroShotSearch"/>).
/// </summary>
public sealed class RankedCellNet : RankedNetwork
{
    private readonly LeanCellNet _lean;

    internal RankedCellNet(CellNet network, RankingBatches batches, int outputs) : base(batches, outputs) =>
        (Network, _lean) = (network, new LeanCellNet(network));

    /// <summary>The network.</summary>
    public CellNet Network { get; }

    /// <inheritdoc/>
    public override nn.Module Module => Network;

    /// <inheritdoc/>
    public override Tensor Forward(Tensor images)
    {
        using var _ = no_grad();
        return Network.forward(images);
    }

    internal override NetworkPlan Plan => Network.Plan;

    internal override NetworkCost Cost => NetworkCost.Of(
        Network.Genotype, Network.Options, Shape, Outputs, Network.Space);

    internal override Tensor RunItem(int item, IReadOnlyList<Tensor> inputs) => Network.Items[item] is GenotypeCell cell
        ? cell.call(inputs, null)
        : ((nn.Module<Tensor, Tensor>)Network.Items[item]).call(inputs[0]);

    private protected override Tensor Define(Tensor images) => Network.ForwardWithAuxiliary(images).Logits;

    private protected override Tensor Backward(Tensor images, Func<Tensor, Tensor> loss) => _lean.GradientOf(images, loss).Loss;
}
