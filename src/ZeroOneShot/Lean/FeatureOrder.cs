using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// In which order the features of a network lie in memory, and how its modules run on them: in lanes by the kernels of this library, on the
/// processor; else as N x C x H x W by libtorch.
/// </summary>
internal abstract class FeatureOrder
{
    /// <summary>N x C x H x W, on any device.</summary>
    public static FeatureOrder Pixels { get; } = new InPixels(autocasts: false);

    /// <summary>The same, modules in libtorch's autocast to bfloat16; features stay in the precision of the images.</summary>
    public static FeatureOrder AutocastPixels { get; } = new InPixels(autocasts: true);

    /// <summary>The order for images, N x C x H x W.</summary>
    /// <param name="images">The images.</param>
    /// <param name="autocasts">Whether autocast is asked for, where libtorch computes.</param>
    /// <param name="rectifying">Gets what ReLUs of modules in lanes read; see <see cref="LaneRun.Rectifying"/>.</param>
    /// <param name="convolved">Gets what convolutions in lanes put out, and its gradient; see <see cref="LaneRun.Convolved"/>.</param>
    public static FeatureOrder For(Tensor images, bool autocasts = false, Action<Tensor>? rectifying = null,
        Action<nn.Module, Tensor, Tensor>? convolved = null) =>
        Lanes.Handle(images) ? new InLanes(images.shape[0], rectifying, convolved) : autocasts ? AutocastPixels : Pixels;

    /// <summary>From N x C x H x W.</summary>
    public abstract Tensor Arrange(Tensor images);

    /// <summary>To N x C x H x W.</summary>
    public abstract Tensor ToImages(Tensor features);

    /// <summary>Global average pooling: N x C.</summary>
    public abstract Tensor Pooled(Tensor features);

    /// <summary>The gradient of features from that of <see cref="Pooled"/>, N x C.</summary>
    /// <param name="gradient">The gradient.</param>
    /// <param name="like">Features of the size of the result.</param>
    public abstract Tensor PooledGradient(Tensor gradient, Tensor like);

    /// <summary>New features of the same size, yet to be filled.</summary>
    public abstract Tensor EmptyLike(Tensor features);

    /// <summary>The sum of the terms, each times its factor.</summary>
    /// <param name="like">Features of the size of the result.</param>
    /// <param name="terms">At least one.</param>
    public abstract Tensor Sum(Tensor like, IReadOnlyList<(Tensor Term, Factor Factor)> terms);

    /// <summary>sum += the terms, each times its factor. A tensor may have its channels in two dimensions.</summary>
    public abstract void Add(Tensor sum, params IReadOnlyList<(Tensor Term, Factor Factor)> terms);

    /// <summary>The sum of the products of numbers in the same place. The first tensor may have its channels in two dimensions.</summary>
    public abstract Product Product(Tensor a, Tensor b);

    /// <summary>Features of zeros.</summary>
    /// <param name="like">Features of as many images.</param>
    /// <param name="channels">Channels of the result.</param>
    /// <param name="stride">By which the image of the result is smaller.</param>
    public abstract Tensor Zeros(Tensor like, long channels, int stride);

    /// <summary>The features without gaps in memory.</summary>
    public abstract Tensor Packed(Tensor features);

    /// <summary>Runs a module without a graph.</summary>
    public abstract Tensor Forward(nn.Module<Tensor, Tensor> module, Tensor input);

    /// <summary>
    /// Runs a module without a graph, but for a batch norm at its end, which is left to <see cref="Add(Tensor, Summand, Factor)"/>.
    /// </summary>
    public virtual Summand ForwardToAdd(nn.Module<Tensor, Tensor> module, Tensor input) => new(Forward(module, input));

    /// <summary>sum += the output of a module, times its factor.</summary>
    public virtual void Add(Tensor sum, Summand output, Factor factor) => Add(sum, (output.Features, factor));

    /// <summary>Runs a module backwards from a factor times a gradient, which stays as it is.</summary>
    /// <param name="run">The module.</param>
    /// <param name="gradient">The gradient; it may have its channels in two dimensions.</param>
    /// <param name="factor">The factor.</param>
    /// <param name="multiplies">Whether the product of the gradient and the module's output is wanted.</param>
    public virtual (Product? Product, Tensor? InputGradient) Backward(ModuleRun run, Tensor gradient, Factor factor, bool multiplies)
    {
        var product = multiplies ? Product(gradient, run.Output) : (Product?)null;
        return (product, run.Backward(Sum(run.Output, [(gradient, factor)])));
    }

    /// <summary>Runs a module once more, so that it can run backwards.</summary>
    /// <param name="module">The module.</param>
    /// <param name="input">Its input when it ran last, which must not change meanwhile.</param>
    /// <param name="needed">Whether the gradient of the input will be asked for.</param>
    public abstract ModuleRun Run(nn.Module<Tensor, Tensor> module, Tensor input, bool needed);

    private sealed class InLanes(long images, Action<Tensor>? rectifying, Action<nn.Module, Tensor, Tensor>? convolved) : FeatureOrder
    {
        public override Tensor Arrange(Tensor images) => Lanes.Of(images);

        public override Tensor ToImages(Tensor features) => Lanes.ToImages(features, images);

        public override Tensor Pooled(Tensor features) => Lanes.Pooled(features, images);

        public override Tensor PooledGradient(Tensor gradient, Tensor like) => Lanes.PooledGradient(gradient, like);

        public override Tensor EmptyLike(Tensor features) => Lanes.EmptyLike(features);

        public override Tensor Zeros(Tensor like, long channels, int stride) => Lanes.Empty(
            like, (channels, ImageSize.Reduced(like.size(2), stride), ImageSize.Reduced(like.size(3), stride))).zero_();

        public override Tensor Packed(Tensor features) => features.is_contiguous() ? features.alias() : Lanes.Copy(features);

        public override void Add(Tensor sum, params IReadOnlyList<(Tensor Term, Factor Factor)> terms)
        {
            if (sum.dtype == ScalarType.Float32)
                SumKernel<float>.Add(sum, Known(terms));
            else
                SumKernel<double>.Add(sum, Known(terms));
        }

        public override Tensor Sum(Tensor like, IReadOnlyList<(Tensor Term, Factor Factor)> terms)
        {
            var sum = Lanes.EmptyLike(like);
            if (sum.dtype == ScalarType.Float32)
                SumKernel<float>.Add(sum, Known(terms), overwrite: true);
            else
                SumKernel<double>.Add(sum, Known(terms), overwrite: true);
            return sum;
        }

        // Called for every sum of a step.
        private static (Tensor, double)[] Known(IReadOnlyList<(Tensor Term, Factor Factor)> terms)
        {
            var known = new (Tensor, double)[terms.Count];
            for (var i = 0; i < known.Length; i++)
                known[i] = (terms[i].Term, terms[i].Factor.Value);
            return known;
        }

        public override Product Product(Tensor a, Tensor b) =>
            new(a.dtype == ScalarType.Float32 ? SumKernel<float>.Product(a, b) : SumKernel<double>.Product(a, b));

        public override Tensor Forward(nn.Module<Tensor, Tensor> module, Tensor input)
        {
            using var run = new LaneRun(images, recorded: false) { Rectifying = rectifying };
            return run.Forward(module, input);
        }

        public override Summand ForwardToAdd(nn.Module<Tensor, Tensor> module, Tensor input)
        {
            using var run = new LaneRun(images, recorded: false) { Rectifying = rectifying };
            return run.ForwardToAdd(module, input);
        }

        public override void Add(Tensor sum, Summand output, Factor factor)
        {
            if (output is not { Factors: { } factors, Terms: { } terms })
                base.Add(sum, output, factor);
            else if (sum.dtype == ScalarType.Float32)
                BatchNormKernel<float>.AddScaled(sum, output.Features, images, factors, terms, factor.Value);
            else
                BatchNormKernel<double>.AddScaled(sum, output.Features, images, factors, terms, factor.Value);
        }

        public override (Product? Product, Tensor? InputGradient) Backward(
            ModuleRun run, Tensor gradient, Factor factor, bool multiplies) =>
            run.OfMultiple!(gradient, factor.Value) is var (product, ofInput)
                ? (new Product(product), ofInput)
                : base.Backward(run, gradient, factor, multiplies);

        public override ModuleRun Run(nn.Module<Tensor, Tensor> module, Tensor input, bool needed)
        {
            var run = new LaneRun(images, recorded: true, repeats: true) { Convolved = convolved };
            return new ModuleRun(run.Forward(module, input), gradient => run.Backward(gradient, needed), run)
            {
                OfMultiple = (gradient, factor) => run.BackwardOfMultiple(gradient, factor, needed),
            };
        }
    }

    private sealed class InPixels(bool autocasts) : FeatureOrder
    {
        public override Tensor Arrange(Tensor images) => MemoryLayout.ChannelsLast(images);

        public override Tensor ToImages(Tensor features) => features.alias();

        public override Tensor Pooled(Tensor features) => features.mean([2, 3]);

        public override Tensor PooledGradient(Tensor gradient, Tensor like)
        {
            using var scope = NewDisposeScope();
            var pixel = gradient.DividedBy(like.shape[2] * like.shape[3]).reshape(gradient.shape[0], gradient.shape[1], 1, 1);
            return Packed(pixel.expand(like.shape)).MoveToOuterDisposeScope();
        }

        public override Tensor EmptyLike(Tensor features) => empty_like(features);

        public override Tensor Zeros(Tensor like, long channels, int stride)
        {
            using var zeros = like.new_zeros(
                like.shape[0], channels, ImageSize.Reduced(like.shape[2], stride), ImageSize.Reduced(like.shape[3], stride));
            return Packed(zeros);
        }

        public override Tensor Packed(Tensor features) => MemoryLayout.ChannelsLast(features);

        public override Tensor Sum(Tensor like, IReadOnlyList<(Tensor Term, Factor Factor)> terms)
        {
            using var scope = NewDisposeScope();
            var sum = terms[0].Factor.Times(terms[0].Term.reshape(like.shape));
            Add(sum, [.. terms.Skip(1)]);
            return sum.MoveToOuterDisposeScope();
        }

        public override void Add(Tensor sum, params IReadOnlyList<(Tensor Term, Factor Factor)> terms)
        {
            using var scope = NewDisposeScope();
            foreach (var (term, factor) in terms)
                factor.AddTo(sum, term.reshape(sum.shape));
        }

        public override Product Product(Tensor a, Tensor b)
        {
            using var scope = NewDisposeScope();
            return new(Value: null, a.mul(b.reshape(a.shape)).sum().DetachFromDisposeScope());
        }

        public override Tensor Forward(nn.Module<Tensor, Tensor> module, Tensor input)
        {
            using var _ = no_grad();
            return Output(module, input);
        }

        public override ModuleRun Run(nn.Module<Tensor, Tensor> module, Tensor input, bool needed)
        {
            using var _ = enable_grad();
            var leaf = input.detach().requires_grad_(needed);
            var output = Output(module, leaf);
            return new ModuleRun(output.detach(), gradient =>
            {
                if (output.requires_grad)
                    output.backward([gradient]);
                return leaf.grad;
            }, leaf);
        }

        // Rounded is what is within a module; nodes and gradients are sums of many.
        private Tensor Output(nn.Module<Tensor, Tensor> module, Tensor input)
        {
            if (!autocasts)
                return module.forward(input);
            using var scope = NewDisposeScope();
            Tensor output;
            using (new Autocast(input.device_type))
                output = module.forward(input);
            return output.to(input.dtype).MoveToOuterDisposeScope();
        }
    }
}

/// <summary>
/// A sum of products: a number, or a tensor of one that libtorch may still be computing. Reading that would be a wait for the device, of
/// which there are hundreds in a step; so they are read together when it ends.
/// </summary>
/// <param name="Value">The number, where it is known.</param>
/// <param name="Later">Else the tensor, in no dispose scope.</param>
internal readonly record struct Product(double? Value, Tensor? Later = null) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Later?.Dispose();
}

/// <summary>A module that was run and can be run backwards, once.</summary>
/// <param name="Output">Its output, without a graph.</param>
/// <param name="Backward">
/// From the gradient of the output, whose memory it may use, the gradient of the input, or null where that is not needed. Gradients of
/// weights are added to their <c>grad</c> where they require it.
/// </param>
/// <param name="Kept">What is disposed with the run.</param>
internal sealed record ModuleRun(Tensor Output, Func<Tensor, Tensor?> Backward, IDisposable Kept) : IDisposable
{
    /// <summary>
    /// From a gradient and a factor that it is multiplied by, without memory for the product: the sum of the products of the gradient with
    /// the output, and the gradient of the input. Gives null, and has done nothing, where the module cannot.
    /// </summary>
    public Func<Tensor, double, (double, Tensor?)?>? OfMultiple { get; init; }

    public void Dispose() => Kept.Dispose();
}
