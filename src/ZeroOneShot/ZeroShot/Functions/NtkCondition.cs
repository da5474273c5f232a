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
/// <para>One image after the other, in the memory of a step of the search and of the gradients of all images: 4 bytes a weight and image.
/// </para>
/// </remarks>
/// <param name="training">Whether batch norms take the statistics of the images. Default false.</param>
/// <param name="images">
/// Number of images, the first of the first batch, at least 2; a smaller batch is refused. Default null: 16, or all of a smaller batch.
/// </param>
public sealed class NtkCondition(bool training = false, int? images = null) : IRankingFunction
{
    private const int UsualImages = 16;

    private readonly int _images = (images ?? UsualImages) >= 2
        ? images ?? UsualImages
        : throw new ArgumentOutOfRangeException(nameof(images), images, "A condition number needs at least 2 images.");

    private readonly bool _asked = images is not null;

    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Gradients(kept: _images);

    /// <inheritdoc/>
    public string Name => training ? "ntk-condition-training" : "ntk-condition";

    /// <inheritdoc/>
    public void Validate(RankingOptions options) => Swap.ThrowIfFewer(Name, _asked ? _images : 0, options);

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
        var count = images.shape[0];
        var kernel = zeros(count, count, dtype: ScalarType.Float64);
        var gradients = new List<LossGradient>();
        try
        {
            for (var image = 0; image < count; image++)
            {
                var place = image;
                // In evaluation mode no image depends on the others.
                gradients.Add(training
                    ? network.Gradient(images, logits => logits[place].sum())
                    : network.Gradient(images.narrow(0, place, 1), logits => logits.sum()));
            }
            foreach (var (weight, of) in gradients[0].Weights.Index())
            {
                // Scales of batch norms among them, as their name is weight too.
                if (!of.Name.Contains("weight", StringComparison.Ordinal))
                    continue;
                using var inner = NewDisposeScope();
                var rows = stack([.. gradients.Select(ofImage => ofImage.Weights[weight].Gradient.flatten())]).to(ScalarType.Float64);
                kernel.add_(rows.matmul(rows.t()).cpu());
            }
        }
        finally
        {
            foreach (var gradient in gradients)
                gradient.Dispose();
        }
        return kernel.MoveToOuterDisposeScope();
    }
}
