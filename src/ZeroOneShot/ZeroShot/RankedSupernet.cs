using TorchSharp;
using ZeroOneShot.Kernels;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// A supernet with random weights, and the part of it that is live: what a ranking function gets where a mask is scored
/// (<see cref="Ranking"/>, <see cref="ZeroShotPruning"/>).
/// </summary>
public sealed class RankedSupernet : RankedNetwork
{
    private readonly LeanSupernet _lean;
    private IReadOnlyList<string>? _idle;

    internal RankedSupernet(LeanSupernet lean, Mixture mixture, RankingBatches batches, int outputs) : base(batches, outputs) =>
        (_lean, Mixture) = (lean, mixture);

    /// <summary>The network; operations that <see cref="Mixture"/> has not live are not run.</summary>
    public Supernet Supernet => _lean.Supernet;

    /// <summary>Equal weights for the live operations of every edge.</summary>
    public Mixture Mixture { get; }

    /// <summary>
    /// Gives the logits of all images where they are computed together with those of other networks; null: by themselves. Whatever else a
    /// function asks for is computed for this network alone.
    /// </summary>
    internal Func<Tensor>? SharedLogits { get; init; }

    /// <summary>Whether operations without parameters run for each edge by themselves, as one would write it down.</summary>
    internal bool RunsApart { get; init; }

    /// <inheritdoc/>
    public override nn.Module Module => Supernet;

    /// <inheritdoc/>
    public override Tensor Forward(Tensor images) => _lean.Forward(images, Mixture, RunsApart);

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        Mixture.Dispose();
    }

    internal override bool NotePatterns(Tensor images, bool[] seen)
    {
        if (!SignPatterns.Handle(images) || !Supernet.RunsInLanes)
            return false;
        using var logits = _lean.Forward(images, Mixture, RunsApart, x => SignPatterns.Note(x, seen));
        return true;
    }

    internal override RankedNetwork Narrow(int channels, Tensor images, RandomStream weights)
    {
        var options = Supernet.Options with
        {
            Channels = channels, Cells = Supernet.Mask.Space.Macro.FewestCells, PartialChannels = 1, EdgeNormalization = false,
        };
        var narrow = Ranking.Lean(Supernet.Mask, options, (int)images.shape[1], Outputs);
        Initialization.KaimingNormalFanOut(narrow.Supernet, weights);
        narrow.Supernet.to(images.device);
        return new RankedSupernet(narrow, Mixture.Uniform(Mixture.Live, edgeNormalization: false, images.device),
            new RankingBatches([images], []), Outputs);
    }

    internal override NetworkPlan Plan => Supernet.Plan;

    private protected override IReadOnlyList<CellConnection> Connections(CellItem cell)
    {
        var space = Plan.Space;
        return [.. space.Topology.Edges.Select((ends, edge) =>
        {
            var stride = space.Topology.Stride(cell.Kind, edge);
            var live = space.Operations.Where((operation, row) =>
                Mixture.Live[cell.Kind, edge, row] && !operation.IsZero(stride)).ToArray();
            return new CellConnection(ends.From, ends.Node, live.Length, live.Count(operation => operation.Layers(stride).Count == 0));
        })];
    }

    internal override NetworkCost Cost => NetworkCost.Of(
        NetworkPlan.Of(Supernet.Mask.Space, Supernet.Options, Shape), Mixture.Live, Supernet.Options, Outputs);

    internal override Tensor RunItem(int item, IReadOnlyList<Tensor> inputs) => Supernet.Items[item] is SearchCell cell
        ? cell.call(inputs, Mixture)
        : ((nn.Module<Tensor, Tensor>)Supernet.Items[item]).call(inputs[0]);

    private protected override Tensor AllLogits() => SharedLogits?.Invoke() ?? base.AllLogits();

    private protected override Tensor Define(Tensor images) => Supernet.call(images, Mixture);

    private protected override bool AllRunsInLanes => Supernet.RunsInLanes;

    private protected override Tensor Backward(
        Tensor images, Func<Tensor, Tensor> loss, Action<Tensor>? ofImages, Action<nn.Module, Tensor, Tensor>? convolved)
    {
        var (_, value) = _lean.GradientOf(
            images, loss, Mixture, mixing: false, FeatureOrder.For(images, convolved: convolved), ofImages);
        _lean.Track(false);
        return value;
    }

    private protected override bool Runs(string layer) =>
        !(_idle ??= Idle()).Any(idle => layer == idle || layer.StartsWith(idle + ".", StringComparison.Ordinal));

    /// <summary>
    /// The names of what does not run: operations that are not live or add zeros, and edges without any, their bypass included.
    /// </summary>
    private IReadOnlyList<string> Idle()
    {
        var names = Supernet.named_modules().ToDictionary(
            named => named.module, named => named.name, (IEqualityComparer<nn.Module>)ReferenceEqualityComparer.Instance);
        var (space, live, idle) = (Supernet.Mask.Space, Mixture.Live, new List<string>());
        foreach (var cell in Supernet.Items.OfType<SearchCell>())
        {
            for (var edge = 0; edge < space.Topology.EdgeCount; edge++)
            {
                var mixed = cell.Edge(edge);
                if (live.LiveCount(cell.Kind, edge) == 0)
                    idle.Add(names[mixed]);
                else if (Supernet.Options.PartialChannels == 1)
                    idle.Add(names[mixed.Bypass]);
                var stride = space.Topology.Stride(cell.Kind, edge);
                idle.AddRange(mixed.Rows.Where(row => space.Operations[row].IsZero(stride) || !live[cell.Kind, edge, row])
                    .Select(row => names[mixed.Operation(row)]));
            }
        }
        return idle;
    }
}
