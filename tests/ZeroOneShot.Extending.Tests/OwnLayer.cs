using ZeroOneShot.Layers;
using ZeroOneShot.Onnx;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Extending.Tests;

/// <summary>Channels times a number from 0 to 1 that depends on the means of all channels (squeeze and excitation).</summary>
public sealed record OwnLayer : Layer
{
    public override FeatureSize Output(FeatureSize input, long channels) => input;

    public override LayerCost Cost(FeatureSize input, long channels, bool affine) =>
        new(Parameters: input.Channels * input.Channels, MultiplyAdds: input.Channels * input.Channels + input.Count);

    public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => new Gate(inputChannels);

    public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module)
    {
        var means = graph.Operator("GlobalAveragePool", [x]);
        var weights = graph.Operator("Conv", [means, graph.Weight(((Gate)module).Weight, "weight")]);
        return graph.Operator("Mul", [x, graph.Operator("Sigmoid", [weights])]);
    }

    /// <summary>An operation with it.</summary>
    public static CandidateOperation Operation { get; } = new("gated_conv_3x3", stride =>
    [
        new Relu(), new Convolution(3) { Depthwise = true, Stride = stride }, new Convolution(1), new BatchNorm(), new OwnLayer(),
    ]);

    private sealed class Gate : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Parameter weight;

        public Gate(int channels) : base(nameof(Gate))
        {
            weight = nn.Parameter(empty(channels, channels, 1, 1));         // start values: those of a convolution, see IDrawnWeights
            RegisterComponents();
        }

        public Tensor Weight => weight;

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var gate = nn.functional.conv2d(input.mean([2, 3], keepdim: true), weight).sigmoid();
            return (input * gate).MoveToOuterDisposeScope();
        }
    }
}
