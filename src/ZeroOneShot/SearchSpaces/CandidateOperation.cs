using static ZeroOneShot.SearchSpaces.Layer;

namespace ZeroOneShot.SearchSpaces;

/// <summary>A row of the table of candidate operations (DARTS, section 3.1 and its public code): a name and its layers.</summary>
public sealed class CandidateOperation
{
    private readonly Func<int, IReadOnlyList<Layer>> _layers;

    /// <summary>An operation of your own, of known layers.</summary>
    /// <param name="name">Its name, unique in its search space.</param>
    /// <param name="layers">From the stride, 1 or 2, its layers; they keep channels, and at stride 1 the size.</param>
    public CandidateOperation(string name, Func<int, IReadOnlyList<Layer>> layers) => (Name, _layers) = (name, layers);

    /// <summary>No connection: zeros. It takes part in the softmax and is never chosen.</summary>
    public static CandidateOperation None { get; } = new("none", stride => [new Zero(stride)]);

    /// <summary>3x3 max pooling.</summary>
    public static CandidateOperation MaxPool3x3 { get; } = new("max_pool_3x3", stride => [new MaxPool(3, stride)]);

    /// <summary>3x3 average pooling.</summary>
    public static CandidateOperation AveragePool3x3 { get; } = new("avg_pool_3x3", stride => [new AveragePool(3, stride)]);

    /// <summary>The identity, or a factorised reduction at stride 2.</summary>
    public static CandidateOperation SkipConnect { get; } = new("skip_connect", stride => stride == 1 ? [] : [new FactorizedReduce()]);

    /// <summary>3x3 depthwise separable convolution, applied twice.</summary>
    public static CandidateOperation SeparableConvolution3x3 { get; } = new("sep_conv_3x3", stride => Separable(3, stride));

    /// <summary>5x5 depthwise separable convolution, applied twice.</summary>
    public static CandidateOperation SeparableConvolution5x5 { get; } = new("sep_conv_5x5", stride => Separable(5, stride));

    /// <summary>3x3 depthwise separable convolution with dilation 2 (a 5x5 field).</summary>
    public static CandidateOperation DilatedConvolution3x3 { get; } = new("dil_conv_3x3", stride => Dilated(3, stride));

    /// <summary>5x5 depthwise separable convolution with dilation 2 (a 9x9 field).</summary>
    public static CandidateOperation DilatedConvolution5x5 { get; } = new("dil_conv_5x5", stride => Dilated(5, stride));

    /// <summary>The operation's name in the literature, for example <c>sep_conv_3x3</c>.</summary>
    public string Name { get; }

    /// <summary>False for <c>none</c>, which a genotype never names.</summary>
    public bool CanBeChosen => _layers(1) is not [Zero];

    /// <summary>
    /// Whether the search network puts a batch normalisation behind the operation: yes for the poolings, whose output would otherwise have
    /// another scale than that of the other candidates.
    /// </summary>
    public bool IsNormalizedInSearch => _layers(1) is [MaxPool or AveragePool];

    /// <summary>The operation at a stride, as a list of layers; the empty list is the identity.</summary>
    /// <param name="stride">1, or 2 to halve the image.</param>
    /// <exception cref="ArgumentOutOfRangeException">The stride is neither 1 nor 2.</exception>
    public IReadOnlyList<Layer> Layers(int stride) => stride is 1 or 2
        ? _layers(stride)
        : throw new ArgumentOutOfRangeException(nameof(stride), stride, "The stride of a candidate operation is 1 or 2.");

    /// <summary>The layers of the 1x1 convolution that brings a cell's input to the cell's channels.</summary>
    public static IReadOnlyList<Layer> Preprocess { get; } = [new Relu(), new Convolution(1), new BatchNorm()];

    /// <summary>The layers that bring a cell's input to the cell's channels and to half its size.</summary>
    public static IReadOnlyList<Layer> ReducingPreprocess { get; } = [new FactorizedReduce()];

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static Layer[] Separable(int kernel, int stride) =>
    [
        new Relu(), new Convolution(kernel, stride, Depthwise: true), new Convolution(1), new BatchNorm(),
        new Relu(), new Convolution(kernel, Depthwise: true), new Convolution(1), new BatchNorm(),
    ];

    private static Layer[] Dilated(int kernel, int stride) =>
        [new Relu(), new Convolution(kernel, stride, Dilation: 2, Depthwise: true), new Convolution(1), new BatchNorm()];
}
