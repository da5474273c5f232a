using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// ZiCo (Li, Yang, Bhardwaj and Marculescu 2023, "ZiCo: Zero-shot NAS via Inverse Coefficient of Variation on Gradients", Eq. 16): the sum
/// over layers of log (sum over their weights of mean |g| / standard deviation of g), over the gradients g of the mean cross entropy of
/// several batches. A network whose gradients agree from batch to batch trains fast.
/// </summary>
/// <remarks>
/// Needs at least two batches; of a single one it takes the two halves. Weights whose gradients do not differ are left out, and layers
/// without others. In the memory of a step of the search, and of the gradients of all batches.
/// </remarks>
public sealed class Zico : IRankingFunction
{
    private const int LeastImages = 4;

    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Gradients(kept: 2, ofEachBatch: true);

    /// <inheritdoc/>
    public string Name => "zico";

    /// <inheritdoc/>
    public bool NeedsLabels => true;

    /// <inheritdoc/>
    public void Validate(RankingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options is { Batches: 1, BatchSize: < LeastImages })
        {
            throw new ArgumentException(
                $"Ranking function '{Name}' takes the two halves of a single batch, of {options.BatchSize} images; expected at least " +
                $"{LeastImages}. Set a larger BatchSize or more Batches, or give more images.", nameof(options));
        }
    }

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var scope = NewDisposeScope();
        var batches = network.Images.Zip(network.Labels).ToArray();
        if (batches is [var (images, labels)])
        {
            var half = images.shape[0] / 2;
            batches =
            [
                (images.narrow(0, 0, half), labels.narrow(0, 0, half)),
                (images.narrow(0, half, images.shape[0] - half), labels.narrow(0, half, images.shape[0] - half)),
            ];
        }
        var layers = new List<List<Tensor>>();
        foreach (var (some, ofSome) in batches)
        {
            using var gradient = network.Gradient(some, logits => nn.functional.cross_entropy(logits, ofSome));
            foreach (var (place, layer) in gradient.Layers.Index())
            {
                if (place == layers.Count)
                    layers.Add([]);
                layers[place].Add(layer.Gradient.to(ScalarType.Float64, copy: true));
            }
        }
        var score = 0.0;
        foreach (var ofBatches in layers)
        {
            using var inner = NewDisposeScope();
            var gradients = stack(ofBatches);
            var deviation = gradients.std([0], unbiased: false);
            var sizes = gradients.abs().mean([0]);
            var ofLayer = where(deviation.IsPositive().to(ScalarType.Bool), sizes.div(deviation), zeros_like(sizes)).sum().Value();
            score += ofLayer > 0 ? Math.Log(ofLayer) : 0;
        }
        return score;
    }
}
