using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>A supernet with random weights in training mode, the part of it that is live, and the images to rank it on.</summary>
public sealed class RankedNetwork : IDisposable
{
    private readonly LeanSupernet _lean;
    private Tensor? _logits;

    internal RankedNetwork(LeanSupernet lean, Mixture mixture, IReadOnlyList<Tensor> images) =>
        (_lean, Mixture, Images) = (lean, mixture, images);

    /// <summary>The network; operations that <see cref="Mixture"/> has not live are not run.</summary>
    public Supernet Supernet => _lean.Supernet;

    /// <summary>Equal weights for the live operations of every edge.</summary>
    public Mixture Mixture { get; }

    /// <summary>Batches of normalised images, each N x C x H x W.</summary>
    public IReadOnlyList<Tensor> Images { get; }

    /// <summary>F of the paper: the logits of all images, without gradient, images x classes. Computed once; do not dispose.</summary>
    public Tensor Logits
    {
        get
        {
            if (_logits is null)
            {
                using var scope = NewDisposeScope();
                _logits = cat([.. Images.Select(batch => _lean.Forward(batch, Mixture))]).DetachFromDisposeScope();
            }
            return _logits;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _logits?.Dispose();
        Mixture.Dispose();
    }
}
