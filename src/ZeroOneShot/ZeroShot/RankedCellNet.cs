using TorchSharp;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
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
        (Network, _lean) = (network, new LeanCellNet(network, recomputed: network.Plan.Items.Count));

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

    internal override RankedNetwork Narrow(int channels, Tensor images, RandomStream weights)
    {
        var options = Network.Options with { Channels = channels, Cells = Network.Space.Macro.FewestCells };
        var narrow = new CellNet(Network.Genotype, options, (int)images.shape[1], Outputs, Network.Space);
        narrow.train();
        foreach (var module in narrow.modules().OfType<IRepeatable>())
            module.Tracks = false;
        Initialization.KaimingNormalFanOut(narrow, weights);
        narrow.to(images.device);
        return new RankedCellNet(narrow, new RankingBatches([images], []), Outputs);
    }

    internal override NetworkPlan Plan => Network.Plan;

    private protected override IReadOnlyList<CellConnection> Connections(CellItem cell) =>
        [.. cell.Genotype!.Edges.Select((edge, i) =>
        {
            var layers = cell.Layers(Plan.Space, edge);
            return new CellConnection(edge.Input, cell.Genotype.NodeOf(i), layers is [.., { GivesZeros: true }] ? 0 : 1,
                layers.Count == 0 ? 1 : 0);
        })];

    internal override NetworkCost Cost => NetworkCost.Of(
        Network.Genotype, Network.Options, Shape, Outputs, Network.Space);

    internal override Tensor RunItem(int item, IReadOnlyList<Tensor> inputs) => Network.Items[item] is GenotypeCell cell
        ? cell.call(inputs, null)
        : ((nn.Module<Tensor, Tensor>)Network.Items[item]).call(inputs[0]);

    private protected override Tensor Define(Tensor images) => Network.ForwardWithAuxiliary(images).Logits;

    private protected override bool AllRunsInLanes => Plan.LayersOutsideLanes([.. Network.Space.Operations.Where(operation =>
        Genotypes.Any(cell => cell.Edges.Any(edge => edge.Operation == operation.Name)))]).Count == 0;

    private IEnumerable<CellGenotype> Genotypes =>
        ((CellGenotype?[])[Network.Genotype.Normal, Network.Genotype.Reduction]).OfType<CellGenotype>();

    private protected override Tensor Backward(
        Tensor images, Func<Tensor, Tensor> loss, Action<Tensor>? ofImages, Action<nn.Module, Tensor, Tensor>? convolved)
    {
        var (_, value) = _lean.GradientOf(images, loss, ofImages: ofImages, convolved: convolved);
        foreach (var module in Network.modules().OfType<IRepeatable>())
            module.Tracks = false;
        return value;
    }
}
