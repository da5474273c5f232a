using System.Numerics;
using ZeroOneShot.Kernels;
using ZeroOneShot.Onnx;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// Noise in place of the features: standard normal numbers of the output's shape, fresh in every run, and no gradient to the input
/// (RobustDARTS, space S4, and its public code). In evaluation mode, and so in ONNX, their mean, zeros: the same image always gets the same
/// class, where the public code draws then too.
/// </summary>
/// <param name="Stride">1 or 2.</param>
public sealed record Noise(int Stride) : Layer
{
    /// <inheritdoc/>
    public override bool IsRandom => true;

    internal override bool RunsInLanes => true;

    /// <inheritdoc/>
    public override FeatureSize Output(FeatureSize input, long channels) => input.Reduced(Stride);

    /// <inheritdoc/>
    public override LayerCost Cost(FeatureSize input, long channels, bool affine) => default;

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => new NoiseModule(Stride);

    /// <inheritdoc/>
    public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module) =>
        new Zero(Stride).Export(graph, x, input, module);

    internal override void Walk(MemoryWalk walk, long channels, bool affine)
    {
        var drawn = walk.Features.Reduced(Stride).Count;                    // in libtorch's order first
        walk.Make(drawn);
        walk.Next(walk.Features.Reduced(Stride), readsInput: false, readsOutput: false, (walk.Features.Count, 0));
        walk.LetGo(drawn);
    }
}

/// <summary>
/// Draws by number: run n of a module gives the numbers of stream n of its seed, which is drawn with the weights. Both stand in a buffer,
/// so that what goes on from a checkpoint draws what it would have drawn.
/// </summary>
internal sealed class NoiseModule : nn.Module<Tensor, Tensor>, ILaneModule, IRepeatable, IDrawnWeights
{
    private readonly int _stride;
    private readonly Tensor noise;                                          // the seed, and the number of runs so far

    public NoiseModule(int stride) : base(nameof(NoiseModule))
    {
        (_stride, noise) = (stride, zeros(2, ScalarType.Int64));
        RegisterComponents();
    }

    /// <summary>Whether a run draws new numbers. Off while an operation is run again.</summary>
    public bool Tracks { get; set; } = true;

    public override Tensor forward(Tensor input) =>
        Run(input.shape[0], new FeatureSize(input.shape[1], input.shape[2], input.shape[3]), input);

    public void Draw(WeightDraw draw)
    {
        noise.random_(0, int.MaxValue, draw.Generator);
        using var runs = noise[1].Fill(0);
    }

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var size = Lanes.SizeOf(x);
        run.Record((g, needed) => needed ? Lanes.Empty(g, size).zero_() : null);
        using var images = Run(run.Images, new FeatureSize(size.Channels, size.Height, size.Width), x);
        return Lanes.Of(images);
    }

    private Tensor Run(long images, FeatureSize input, Tensor like)
    {
        var size = input.Reduced(_stride);
        long[] shape = [images, size.Channels, size.Height, size.Width];
        if (!training)
            return like.new_zeros(shape);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        if (Tracks)
            noise[1].Increment();
        var numbers = noise.cpu().data<long>();
        using var stream = RandomStream.Of(numbers[0], $"noise, run {numbers[1]}");
        // In the memory of features: libtorch's own would keep what every size of noise once took.
        return FeatureMemory.Empty(shape, like.dtype).normal_(0, 1, stream.Generator).ToDevice(like.device).MoveToOuterDisposeScope();
    }
}
