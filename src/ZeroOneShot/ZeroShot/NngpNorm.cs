using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// The ranking function of the paper: the Frobenius norm of the NNGP kernel of the logits F. The default takes the kernel as the
/// correlation matrix of F's rows, as the public ETENAS code does; it does not depend on the scale of the logits.
/// </summary>
/// <param name="correlation">True: corrcoef(F). False: K = F F' / C, C being the number of outputs.</param>
/// <param name="features">
/// True: F are the pooled features that the classifier reads, batch by batch, and the norm is the mean over batches. False, the default:
/// the logits of all images.
/// </param>
public sealed class NngpNorm(bool correlation = true, bool features = false) : IRankingFunction
{
    /// <inheritdoc/>
    public FunctionMemory Memory => features ? FunctionMemory.Features : FunctionMemory.Forwards;

    /// <inheritdoc/>
    public string Name => (features ? "nngp-features" : "nngp") + (correlation ? "-correlation" : "");

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return features ? network.Mean(batch => Of(network.Pooled(network.Images[batch]))) : Of(network.Logits);
    }

    /// <inheritdoc/>
    public Func<Tensor, Tensor>? OfLogits => features ? null : Norm;

    /// <summary>The norm for given logits or features.</summary>
    /// <param name="logits">images x outputs.</param>
    public double Of(Tensor logits)
    {
        ArgumentNullException.ThrowIfNull(logits);
        using var _ = no_grad();
        using var norm = Norm(logits);
        return norm.Value();
    }

    private Tensor Norm(Tensor logits)
    {
        using var scope = NewDisposeScope();
        // ||Z Z'|| = ||Z' Z||: a matrix of outputs x outputs in place of images x images.
        var z = logits.to(ScalarType.Float64);
        if (correlation)
        {
            z = z - z.mean([1], keepdim: true);
            z = z / z.norm(1, keepdim: true).clamp_min(double.Epsilon);
        }
        var norm = z.t().matmul(z).norm();
        return (correlation ? norm : norm / logits.shape[1]).MoveToOuterDisposeScope();
    }
}
