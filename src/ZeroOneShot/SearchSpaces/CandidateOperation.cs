using ZeroOneShot.Layers;

namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// A row of the table of candidate operations (DARTS, section 3.1 and its public code): a name and its layers. Everything that is known of
/// an operation is derived from them.
/// </summary>
public sealed class CandidateOperation
{
    // Before the rows below, which are checked with it: even and odd sizes, and images that are not square.
    private static readonly FeatureSize[] s_sides =
        [new(LayerCheck.Channels, 16, 16), new(LayerCheck.Channels, 15, 16), new(LayerCheck.Channels, 7, 10)];

    private readonly IReadOnlyList<Layer>[] _layers;

    /// <summary>An operation of your own.</summary>
    /// <param name="name">Letters, digits and underscores; what a genotype calls it.</param>
    /// <param name="layers">
    /// The layers at a stride of 1 or 2: they keep the number of channels, and divide the image size by the stride, rounded up. No layers
    /// are the identity.
    /// </param>
    /// <param name="canBeChosen">
    /// Whether a genotype may name it. False for an operation that takes part in the search only, as <c>none</c> of DARTS. Default true.
    /// </param>
    /// <param name="isNormalizedInSearch">
    /// Whether the search network puts a batch normalisation behind it, without learned scale: for operations that end without one, whose
    /// output would have another scale than that of the other candidates. Default false.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The name has other characters, or the layers change the channels or make an image of another size, or the module of a layer of your
    /// own does something else than the layer says of it; the message gives the sizes.
    /// </exception>
    public CandidateOperation(
        string name, Func<int, IReadOnlyList<Layer>> layers, bool canBeChosen = true, bool isNormalizedInSearch = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(layers);
        if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
        {
            throw new ArgumentException(
                $"The operation's name is '{name}'; use letters, digits and underscores, so that a genotype can be read.", nameof(name));
        }
        (Name, CanBeChosen, IsNormalizedInSearch) = (name, canBeChosen, isNormalizedInSearch);
        _layers = [[.. layers(1)], [.. layers(2)]];
        foreach (var (stride, input) in from stride in (int[])[1, 2] from side in s_sides select (stride, side))
        {
            var (output, expected) = (Layers(stride).Output(input, input.Channels), input.Reduced(stride));
            if (output != expected)
            {
                throw new ArgumentException(
                    $"Operation '{name}' with stride {stride} makes {output} of features of {input}; an edge needs {expected}. " +
                    "Change its layers, so that they keep the channels and divide the size by the stride, rounded up.", nameof(layers));
            }
            LayerCheck.Check(Layers(stride), input, input.Channels, $"operation '{name}' with stride {stride}", nameof(layers));
        }
    }

    /// <summary>No connection: zeros. It takes part in the softmax and is never chosen.</summary>
    public static CandidateOperation None { get; } = new("none", stride => [new Zero(stride)], canBeChosen: false);

    /// <summary>3x3 max pooling.</summary>
    public static CandidateOperation MaxPool3x3 { get; } = 
        new("max_pool_3x3", stride => [new MaxPool(3, stride)], isNormalizedInSearch: true);

    /// <summary>3x3 average pooling.</summary>
    public static CandidateOperation AveragePool3x3 { get; } = 
        new("avg_pool_3x3", stride => [new AveragePool(3, stride)], isNormalizedInSearch: true);

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

    /// <summary>Whether a genotype may name it; false for <c>none</c> of DARTS.</summary>
    public bool CanBeChosen { get; }

    /// <summary>
    /// Whether the search network puts a batch normalisation behind the operation: yes for the poolings of DARTS, whose output would
    /// otherwise have another scale than that of the other candidates.
    /// </summary>
    public bool IsNormalizedInSearch { get; }

    /// <summary>The operation at a stride, as a list of layers; the empty list is the identity.</summary>
    /// <param name="stride">1, or 2 to halve the image.</param>
    /// <exception cref="ArgumentOutOfRangeException">The stride is neither 1 nor 2.</exception>
    public IReadOnlyList<Layer> Layers(int stride) => stride is 1 or 2
        ? _layers[stride - 1]
        : throw new ArgumentOutOfRangeException(nameof(stride), stride, "The stride of a candidate operation is 1 or 2.");

    /// <summary>The layers as the search network builds them.</summary>
    internal IReadOnlyList<Layer> SearchLayers(int stride) => IsNormalizedInSearch ? [.. Layers(stride), new BatchNorm()] : Layers(stride);

    /// <summary>Whether it gives zeros whatever it gets, so that it need not run.</summary>
    internal bool IsZero(int stride) => Layers(stride) is [.., { GivesZeros: true }];

    /// <summary>Whether two runs on the same input differ.</summary>
    internal bool IsRandom(int stride) => Layers(stride).Any(layer => layer.IsRandom);

    /// <summary>The layers of the 1x1 convolution that brings a cell's input to the cell's channels.</summary>
    public static IReadOnlyList<Layer> Preprocess { get; } = [new Relu(), new Convolution(1), new BatchNorm()];

    /// <summary>The layers that bring a cell's input to the cell's channels and to half its size.</summary>
    public static IReadOnlyList<Layer> ReducingPreprocess { get; } = [new FactorizedReduce()];

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal static Layer[] Separable(int kernel, int stride) =>
    [
        new Relu(), new Convolution(kernel) { Stride = stride, Depthwise = true }, new Convolution(1), new BatchNorm(),
        new Relu(), new Convolution(kernel) { Depthwise = true }, new Convolution(1), new BatchNorm(),
    ];

    internal static Layer[] Dilated(int kernel, int stride) =>
    [
        new Relu(), new Convolution(kernel) { Stride = stride, Dilation = 2, Depthwise = true }, new Convolution(1), new BatchNorm(),
    ];
}
