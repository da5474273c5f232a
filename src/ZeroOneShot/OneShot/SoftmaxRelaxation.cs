using TorchSharp;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.OneShot;

/// <summary>DARTS, Eq. (1): the softmax of alpha over the live operations of every edge.</summary>
public sealed record SoftmaxRelaxation : Relaxation
{
    /// <inheritdoc/>
    public override torch.Tensor Strengths(ArchitectureParameters architecture, CellKind kind)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        return architecture.Softmax(kind);
    }
}
