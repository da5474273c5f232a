using TorchSharp;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Trainability of AZ-NAS (Lee and Ham 2024, Eq. 6): the mean over cells of -s - 1 / (s + 1e-6) + 2, s being the largest singular value of
/// the matrix that takes random signs at the output of a cell to what comes back at its input, which is the output of what stands before
/// it. Greatest, 0, where gradients neither grow nor fade.
/// </summary>
/// <remarks>
/// No labels; libtorch's autograd through one cell at a time, beside the outputs of all. Mean over batches. A cell that halves odd sizes
/// is taken as one of the next even size, at whose border nothing comes back. One that is the identity gives minus infinity, as in the
/// public code, an error here; supernets have none.
/// </remarks>
public sealed class AzTrainability : IRankingFunction
{
    private const double Small = 1e-6;

    // One cell of the least that a network has; 441 MiB were measured with 8 cells, 16 channels and 16 images.
    private const double OfACell = 1.0 / 3;

    /// <inheritdoc/>
    public string Name => "az-trainability";

    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Graph(times: OfACell);

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Mean(batch => Of(network, network.Images[batch], (item, shape) =>
        {
            using var random = network.Random($"az-trainability, {network.Plan.Items[item].Name}, batch {batch}");
            return randint(2, shape, ScalarType.Float64, generator: random.Generator).Scale(2).Shift(-1);
        }));
    }

    /// <summary>The value at given signs for the output of every item.</summary>
    internal static double Of(RankedNetwork network, Tensor images, Func<int, long[], Tensor> signs)
    {
        using var scope = NewDisposeScope();
        var outputs = network.ItemOutputs(images);
        var (first, count) = network.Cells.GetOffsetAndLength(outputs.Count);
        var scores = new List<double>();
        for (var item = first + 1; item < first + count; item++)
        {
            using var inner = NewDisposeScope();
            Tensor leaf, output;
            using (enable_grad())
            {
                leaf = outputs[item - 1].detach().requires_grad_(true);
                output = network.RunItem(item,
                    [.. network.Plan.Items[item].Inputs.Select(input => input == item - 1 ? leaf : outputs[input])]);
            }
            var towards = signs(item, output.shape).to(output.dtype).to(output.device);
            var back = Derivatives.Of(output, [leaf], towards)[0];
            scores.Add(towards.shape.SequenceEqual(back.shape) && towards.equal(back).all().ToBoolean()
                ? double.NegativeInfinity
                : Score(back, towards));
        }
        return scores.Average();
    }

    private static double Score(Tensor back, Tensor towards)
    {
        var (height, width) = (towards.shape[2], towards.shape[3]);
        var stride = Math.Max((back.shape[2] + height - 1) / height, (back.shape[3] + width - 1) / width);
        if (stride > 1)
        {
            // Of odd sizes the last row and column stand alone: nothing comes back where there are no others.
            var whole = nn.functional.pad(back, [0, stride * width - back.shape[3], 0, stride * height - back.shape[2]]);
            back = nn.functional.pixel_unshuffle(whole, stride);
        }
        var rows = towards.permute(0, 2, 3, 1).flatten(0, 2).to(ScalarType.Float64);
        var matrix = back.permute(0, 2, 3, 1).flatten(0, 2).to(ScalarType.Float64).t().matmul(rows).DividedBy(rows.shape[0]);
        var largest = Spectrum.SingularValues(matrix)[0];
        return -largest - 1 / (largest + Small) + 2;
    }
}
