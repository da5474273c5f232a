using ZeroOneShot.Networks;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>A supernet with random weights, and the part of it that is live.</summary>
public sealed class RankedSupernet : RankedNetwork
{
    private readonly LeanSupernet _lean;

    internal RankedSupernet(LeanSupernet lean, Mixture mixture, RankingBatches batches, int outputs) : base(batches, outputs) =>
        (_lean, Mixture) = (lean, mixture);

    /// <summary>The network; operations that <see cref="Mixture"/> has not live are not run.</summary>
    public Supernet Supernet => _lean.Supernet;

    /// <summary>Equal weights for the live operations of every edge.</summary>
    public Mixture Mixture { get; }

    /// <inheritdoc/>
    public override nn.Module Module => Supernet;

    /// <inheritdoc/>
    public override Tensor Forward(Tensor images) => _lean.Forward(images, Mixture);

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        Mixture.Dispose();
    }

    private protected override Tensor Define(Tensor images) => Supernet.forward(images, Mixture);

    private protected override Tensor Backward(Tensor images, Func<Tensor, Tensor> loss)
    {
        var (_, value) = _lean.GradientOf(images, loss, Mixture, mixing: false);
        _lean.Track(false);
        return value;
    }

    // Of 'cells.3._ops.5._ops.4.op.1' the numbers are cell, edge, row and layer. 'none' is never run, since it adds nothing.
    private protected override bool Runs(string layer)
    {
        if (layer.Split('.') is not ["cells", var cell, "_ops", var edge, .. var part])
            return true;
        var (kind, live) = (Supernet.Cells[int.Parse(cell)].Kind, Mixture.Live);
        return part is ["_ops", var row, ..]
            ? Supernet.Mask.Space.Operations[int.Parse(row)].CanBeChosen && live[kind, int.Parse(edge), int.Parse(row)]
            : Supernet.Options.PartialChannels > 1 && live.LiveCount(kind, int.Parse(edge)) > 0;                          // its bypass
    }

}
