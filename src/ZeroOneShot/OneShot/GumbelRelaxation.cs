using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// GDAS (Dong and Yang, 2019, and its public code): every half of a step samples one operation an edge, the same for all cells of a kind,
/// and only that one runs. With z = (log softmax(alpha) + g) / tau, g Gumbel noise and p = softmax(z), the weights are onehot(argmax p)
/// with the gradient of p.
/// </summary>
public sealed record GumbelRelaxation : Relaxation
{
    /// <summary>tau of the first epoch, above 0; it falls in equal steps. Default 10, as the public code.</summary>
    public double FirstTemperature { get; init; } = 10;

    /// <summary>tau of the last epoch, above 0. Default 0.1, as the public code.</summary>
    public double LastTemperature { get; init; } = 0.1;

    /// <summary>
    /// Whether operations that do not run get a gradient too: see <see cref="Mixture.AddsIdleWeights"/>. Default false, as the public code
    /// has it for cells with two inputs; in those of NAS-Bench-201 it is true.
    /// </summary>
    public bool AddsIdleWeights { get; init; }

    /// <summary>
    /// True, as in the public code: per node the two strongest pairs of an operation and the state it comes from, over all edges. Where a
    /// genotype keeps every edge, as in NAS-Bench-201, it is the strongest operation of each.
    /// </summary>
    public override bool MayShareInput => true;

    /// <summary>tau of an epoch.</summary>
    /// <param name="moment">When.</param>
    public double Temperature(SearchMoment moment) =>
        moment.Epochs > 1 ? FirstTemperature - (FirstTemperature - LastTemperature) * moment.Epoch / (moment.Epochs - 1) : FirstTemperature;

    /// <inheritdoc/>
    public override Tensor Strengths(ArchitectureParameters architecture, CellKind kind)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        return architecture.Softmax(kind);
    }

    /// <inheritdoc/>
    public override Mixture Mix(ArchitectureParameters architecture, SearchMoment moment, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        ArgumentNullException.ThrowIfNull(random);
        return Mix(architecture, Temperature(moment), (_, shape) => Noise(shape, random));
    }

    /// <summary>A sample with noise of one's own.</summary>
    /// <param name="architecture">The alphas.</param>
    /// <param name="temperature">tau.</param>
    /// <param name="noise">Gumbel noise, edges x operations, in double precision on the CPU.</param>
    internal Mixture Mix(ArchitectureParameters architecture, double temperature, Func<CellKind, long[], Tensor> noise)
    {
        var mask = architecture.Mask;
        var samples = mask.Space.Kinds.Select(kind => Sample(architecture, kind, temperature, noise)).ToArray();
        return new Mixture(
            OperationMask.Create(mask.Space, (kind, edge, row) => samples[(int)kind].Rows[edge] == row),
            [.. samples.Select(sample => sample.Weights)], architecture.EdgeWeights())
        {
            AddsIdleWeights = AddsIdleWeights,
        };
    }

    /// <inheritdoc/>
    public override void Validate()
    {
        Checked.Positive(FirstTemperature, nameof(FirstTemperature));
        Checked.Positive(LastTemperature, nameof(LastTemperature));
    }

    private static (Tensor Weights, long[] Rows) Sample(
        ArchitectureParameters architecture, CellKind kind, double temperature, Func<CellKind, long[], Tensor> noise)
    {
        using var scope = NewDisposeScope();
        var logits = architecture.MaskedAlphas(kind).log_softmax(-1);
        while (true)
        {
            var gumbel = noise(kind, logits.shape).to(logits.dtype).ToDevice(logits.device);
            var probabilities = logits.Plus(gumbel).DividedBy(temperature).softmax(-1);
            // Exponential noise may come out as 0: the public code draws again.
            var sampled = probabilities.detach();
            var rows = sampled.argmax(-1);
            var read = HostRead.Of(gumbel.isfinite().logical_and(sampled.isfinite()).all(), rows);
            if (read[0][0] == 0)
                continue;
            var oneHot = nn.functional.one_hot(rows, logits.shape[1]).to(logits.dtype);
            return (oneHot.Plus(sampled.neg()).Plus(probabilities).MoveToOuterDisposeScope(), [.. read[1].Select(row => (long)row)]);
        }
    }

    private static Tensor Noise(long[] shape, RandomStream random)
    {
        using var scope = NewDisposeScope();
        return empty(shape, ScalarType.Float64).exponential_(1, random.Generator).log_().neg_().MoveToOuterDisposeScope();
    }
}
