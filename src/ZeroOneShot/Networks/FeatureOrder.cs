using ZeroOneShot.Kernels;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// In which order the features of a network lie in memory, and how its modules run on them: in lanes by the kernels of this library, on the
/// processor; else as N x C x H x W by libtorch.
/// </summary>
internal abstract class FeatureOrder
{
    /// <summary>The order for images, N x C x H x W.</summary>
    public static FeatureOrder For(Tensor images) => Lanes.Handle(images) ? new InLanes(images.shape[0]) : new InPixels();

    /// <summary>From N x C x H x W.</summary>
    public abstract Tensor Arrange(Tensor images);

    /// <summary>Global average pooling: N x C.</summary>
    public abstract Tensor Pooled(Tensor features);

    /// <summary>Some channels of features, without gaps in memory.</summary>
    public abstract Tensor Packed(Tensor channels);

    /// <summary>All numbers of packed features, in any order that is the same for features of the same size.</summary>
    public abstract Tensor Flat(Tensor features);

    /// <summary>Runs a module without a graph.</summary>
    public abstract Tensor Forward(nn.Module<Tensor, Tensor> module, Tensor input);

    /// <summary>Runs a module so that it can run backwards.</summary>
    /// <param name="module">The module.</param>
    /// <param name="input">Its input, which must not change meanwhile.</param>
    /// <param name="needed">Whether the gradient of the input will be asked for.</param>
    public abstract ModuleRun Run(nn.Module<Tensor, Tensor> module, Tensor input, bool needed);

    private sealed class InLanes(long images) : FeatureOrder
    {
        public override Tensor Arrange(Tensor images) => Lanes.Of(images);

        public override Tensor Pooled(Tensor features) => Lanes.Pooled(features, images);

        public override Tensor Packed(Tensor channels) => channels.contiguous();

        public override Tensor Flat(Tensor features) => features.reshape(-1);

        public override Tensor Forward(nn.Module<Tensor, Tensor> module, Tensor input)
        {
            using var run = new LaneRun(images, recorded: false);
            return run.Forward(module, input);
        }

        public override ModuleRun Run(nn.Module<Tensor, Tensor> module, Tensor input, bool needed)
        {
            var run = new LaneRun(images, recorded: true);
            return new ModuleRun(run.Forward(module, input), gradient => run.Backward(gradient, needed), run);
        }
    }

    private sealed class InPixels : FeatureOrder
    {
        public override Tensor Arrange(Tensor images) => MemoryLayout.ChannelsLast(images);

        public override Tensor Pooled(Tensor features) => features.mean([2, 3]);

        public override Tensor Packed(Tensor channels) => MemoryLayout.ChannelsLast(channels);

        public override Tensor Flat(Tensor features) => features.permute(0, 2, 3, 1).reshape(-1);

        public override Tensor Forward(nn.Module<Tensor, Tensor> module, Tensor input)
        {
            using var _ = no_grad();
            return module.forward(input);
        }

        public override ModuleRun Run(nn.Module<Tensor, Tensor> module, Tensor input, bool needed)
        {
            var leaf = input.detach().requires_grad_(needed);
            var output = module.forward(leaf);
            return new ModuleRun(output.detach(), gradient =>
            {
                if (output.requires_grad)
                    output.backward([gradient]);
                return leaf.grad;
            }, leaf);
        }
    }
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
    public void Dispose() => Kept.Dispose();
}
