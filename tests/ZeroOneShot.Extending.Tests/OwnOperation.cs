using ZeroOneShot.Layers;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Extending.Tests;

public static class OwnOperation
{
    /// <summary>A 1x5 and a 5x1 convolution with a kernel per channel, then a 1x1 convolution.</summary>
    public static CandidateOperation Cross { get; } = new("cross_conv_5x5", stride =>
    [
        new Relu(),
        new Convolution((1, 5)) { Depthwise = true, Stride = (1, stride) },
        new Convolution((5, 1)) { Depthwise = true, Stride = (stride, 1) },
        new Convolution(1),
        new BatchNorm(),
    ]);
}
