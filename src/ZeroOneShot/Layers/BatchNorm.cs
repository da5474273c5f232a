using System.Numerics;
using TorchSharp.Modules;
using ZeroOneShot.Kernels;
using ZeroOneShot.Onnx;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>Batch normalisation, epsilon 1e-5, momentum 0.1.</summary>
public sealed record BatchNorm : Layer
{
    internal override bool RunsInLanes => true;

    /// <inheritdoc/>
    public override FeatureSize Output(FeatureSize input, long channels) => input;

    /// <inheritdoc/>
    public override LayerCost Cost(FeatureSize input, long channels, bool affine) => new(affine ? 2 * input.Channels : 0, 0);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) =>
        new BatchNormModule(inputChannels, affine);

    /// <inheritdoc/>
    public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var norm = (BatchNormModule)module;
        return graph.BatchNorm(x, norm.Weight, norm.Bias, norm.RunningMean, norm.RunningVariance, BatchNormModule.Epsilon);
    }

    /// <inheritdoc/>
    public override long Workspace(FeatureSize input, FeatureSize output) => 0;

    internal override void Walk(MemoryWalk walk, long channels, bool affine) => walk.BatchNorm(affine);
}

internal sealed class BatchNormModule : nn.Module<Tensor, Tensor>, ILaneModule, IRepeatable, IDrawnWeights
{
    public const double Epsilon = 1e-5, Momentum = 0.1;

    private readonly Parameter? weight, bias;
    private readonly Tensor running_mean, running_var;
    private (double[] Means, double[] Variances)? _last;

    public BatchNormModule(int channels, bool affine) : base(nameof(BatchNormModule))
    {
        if (affine)
            (weight, bias) = (nn.Parameter(ones(channels)), nn.Parameter(zeros(channels)));
        (running_mean, running_var) = (zeros(channels), ones(channels));
        RegisterComponents();
    }

    public Parameter? Weight => weight;

    public Parameter? Bias => bias;

    public Tensor RunningMean => running_mean;

    public Tensor RunningVariance => running_var;

    /// <summary>Whether a forward run in training mode updates the running statistics. Off while an operation is run again.</summary>
    public bool Tracks { get; set; } = true;

    public override Tensor forward(Tensor input) => MemoryLayout.BatchNorm(input, image => training && !Tracks
        ? nn.functional.batch_norm(image, null, null, weight, bias, training: true, Momentum, Epsilon)
        : nn.functional.batch_norm(image, running_mean, running_var, weight, bias, training, Momentum, Epsilon));

    public void Draw(WeightDraw draw)
    {
        weight?.Fill(1);
        bias?.Fill(0);
        running_mean.Fill(0);
        running_var.Fill(1);
    }

    /// <summary>Takes over the running statistics of a batch norm that saw the same.</summary>
    public void CopyStatistics(BatchNormModule other)
    {
        running_mean.copy_(other.running_mean);
        running_var.copy_(other.running_var);
    }

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!training)
            return OfRunningStatistics<T>(x, run);
        if (weight is not null)
        {
            var summand = ToAdd<T>(x, run);
            var learned = !run.IsRecorded && run.IsSpare(x) ? x : Lanes.EmptyLike(x);
            summand.AddTo<T>(learned, run.Images, ofImages: null, adds: false);
            return learned;
        }
        var output = run.IsSpare(x) ? x : Lanes.EmptyLike(x);
        var (factors, terms) = Normalization<T>(x, run);
        BatchNormKernel<T>.Scale(x, output, run.Images, factors, terms);
        Record<T>(run, output, isOurs: true, factors, null);
        return output;
    }

    /// <summary>
    /// A run in training mode that leaves it to the caller to make its output of its input, which going backwards reads where the run is
    /// recorded.
    /// </summary>
    public Summand ToAdd<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (factors, terms) = Normalization<T>(x, run);
        var (scale, shift) = (LaneNumbers<T>.Of(weight), LaneNumbers<T>.Of(bias));
        if (run.IsRecorded)
            Record<T>(run, x, isOurs: run.IsSpare(x), factors, terms);
        return new Summand(x, factors, terms, scale, shift);
    }

    /// <summary>The way back.</summary>
    /// <param name="run">The run.</param>
    /// <param name="read">The normalised features, or the input.</param>
    /// <param name="isOurs">Whether nobody else reads these.</param>
    /// <param name="factors">By which the input was multiplied.</param>
    /// <param name="terms">What was added then; null where the normalised features are read.</param>
    private void Record<T>(LaneRun run, Tensor read, bool isOurs, double[] factors, double[]? terms)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (ofInput, scale, shift) = (terms is null ? null : factors, LaneNumbers<T>.Of(weight), LaneNumbers<T>.Of(bias));
        run.Record((g, needed) => Gradient(g, g, 1, needed).InputGradient, OfMultiple, read);

        // In the memory of what is read, where nobody reads it any more.
        (double, Tensor?) OfMultiple(Tensor g, double factor, bool needed) =>
            Gradient(g, !needed ? g : isOurs ? read : Lanes.EmptyLike(read), factor, needed);

        (double Product, Tensor? InputGradient) Gradient(Tensor g, Tensor into, double factor, bool needed)
        {
            var (sums, products) = BatchNormKernel<T>.Products(g, read, ofInput, terms);
            if (scale is not null)
            {
                LaneNumbers<T>.AddToGradient(weight!, Array.ConvertAll(products, product => factor * product));
                LaneNumbers<T>.AddToGradient(bias!, Array.ConvertAll(sums, sum => factor * sum));
            }
            if (needed)
            {
                double[] rates = [.. factors.Select((f, c) => f * (scale?[c] ?? 1) * factor)];
                BatchNormKernel<T>.InputGradient(g, read, into, run.Images, rates, sums, products, ofInput, terms);
            }
            return (scale is null ? products.Sum() : products.Select((product, c) => scale[c] * product + shift![c] * sums[c]).Sum(),
                needed ? into : null);
        }
    }

    private Tensor OfRunningStatistics<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (scale, shift) = (LaneNumbers<T>.Of(weight), LaneNumbers<T>.Of(bias));
        var (mean, variance) = (LaneNumbers<T>.Of(running_mean)!, LaneNumbers<T>.Of(running_var)!);
        var inverse = Array.ConvertAll(variance, v => 1 / Math.Sqrt(v + Epsilon));
        var factors = inverse.Select((f, c) => (scale?[c] ?? 1) * f).ToArray();
        // The gradient of a learned scale reads the input.
        var reads = run.IsRecorded && scale is not null;
        var output = run.IsSpare(x) && !reads ? x : Lanes.EmptyLike(x);
        BatchNormKernel<T>.Scale(x, output, run.Images, factors, [.. factors.Select((f, c) => (shift?[c] ?? 0) - f * mean[c])]);
        run.Record((g, needed) =>
        {
            if (reads)
            {
                var (sums, products) = BatchNormKernel<T>.Products(g, x);
                LaneNumbers<T>.AddToGradient(weight!, [.. inverse.Select((f, c) => f * (products[c] - mean[c] * sums[c]))]);
                LaneNumbers<T>.AddToGradient(bias!, sums);
            }
            if (!needed)
                return null;
            BatchNormKernel<T>.Scale(g, g, run.Images, factors, new double[factors.Length]);
            return g;
        }, reads ? x : null);
        return output;
    }

    /// <summary>
    /// What a run in training mode multiplies every channel by, and then adds, without learned scale and shift; updates the running
    /// statistics.
    /// </summary>
    public (double[] Factors, double[] Terms) Normalization<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        // What a run repeats has the statistics that it had.
        if (!run.Repeats || _last is not var (means, variances))
            _last = (means, variances) = BatchNormKernel<T>.Statistics(x, run.Images);
        if (Tracks && !run.Repeats)
            Track<T>(means, variances, (double)run.Images * x.size(2) * x.size(3));
        var factors = Array.ConvertAll(variances, v => 1 / Math.Sqrt(v + Epsilon));
        return (factors, [.. factors.Zip(means, (f, mean) => -f * mean)]);
    }

    private void Track<T>(double[] means, double[] variances, double count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        LaneNumbers<T>.Move(running_mean, means, 1, Momentum);
        LaneNumbers<T>.Move(running_var, variances, count / (count - 1), Momentum);       // the unbiased one, as libtorch keeps it
    }
}
