using TorchSharp.Modules;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Condition number of the neural tangent kernel (Chen, Gong and Wang 2021, "Neural Architecture Search on ImageNet in Four GPU Hours",
/// TE-NAS, section 3.1.1): K(i, j) = product of the gradients, with respect to all weights, of the sums of the logits of images i and j;
/// the rank is -log(largest eigenvalue / smallest), so that greater is better.
/// </summary>
/// <remarks>
/// <para>With batch norms in training mode, as the public code has it, the kernel of a network that ends in batch norms (the spaces of
/// DARTS) has a null vector, since the pooled features of a batch sum to a constant: the condition number is rounding, of either sign. It
/// is well defined in evaluation mode, the default, and in training mode for networks with a ReLU behind the last batch norm
/// (NAS-Bench-201).</para>
/// <para>Gradients of one image after the other come from libtorch's autograd, which keeps all features of the network.</para>
/// </remarks>
/// <param name="training">Whether batch norms take the statistics of the images. Default false.</param>
/// <param name="images">Number of images, the first of the first batch; fewer where the batch has fewer. Default 16.</param>
public sealed class NtkCondition(bool training = false, int images = 16) : IRankingFunction
{
    private readonly int _images = images >= 2
        ? images
        : throw new ArgumentOutOfRangeException(nameof(images), images, "A condition number needs at least 2 images.");

    /// <inheritdoc/>
    public string Name => training ? "ntk-condition-training" : "ntk-condition";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var scope = NewDisposeScope();
        var some = network.Images[0].narrow(0, 0, Math.Min(_images, network.Images[0].shape[0]));
        return -Math.Log(Condition(Kernel(network, some, training)));
    }

    /// <summary>Largest by smallest eigenvalue.</summary>
    internal static double Condition(Tensor kernel)
    {
        var values = Spectrum.Eigenvalues(kernel);
        return values[^1] / values[0];
    }

    /// <summary>The kernel of images.</summary>
    internal static Tensor Kernel(RankedNetwork network, Tensor images, bool training)
    {
        using var scope = NewDisposeScope();
        using var mode = training ? null : network.Evaluation();
        // Scales of batch norms among them, as their name is weight too.
        Parameter[] weights = [.. network.Module.named_parameters()
            .Where(at => at.name.Contains("weight", StringComparison.Ordinal)).Select(at => at.parameter)];
        var logits = network.ForwardWithGraph(images);
        var count = images.shape[0];
        var rows = new List<Tensor>();
        for (var image = 0; image < count; image++)
        {
            using var inner = NewDisposeScope();
            var gradients = Derivatives.Of(logits[image].sum(), weights, retain: image + 1 < count);
            rows.Add(cat([.. gradients.Select(g => g.flatten())]).MoveToOuterDisposeScope());
        }
        var all = stack(rows).to(ScalarType.Float64);
        return all.matmul(all.t()).cpu().MoveToOuterDisposeScope();
    }
}
