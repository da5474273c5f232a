using ZeroOneShot.Layers;

namespace ZeroOneShot.SearchSpaces;

/// <content>A space larger than that of DARTS.</content>
public sealed partial class SearchSpace
{
    /// <summary>
    /// A space that plain DARTS has no memory for: the cells of DARTS with 6 nodes, 27 edges, and 17 operations: those of DARTS, and of the
    /// NASNet space (Zoph et al. 2018) its further convolutions and poolings: 1x1, 3x3, 1x7 with 7x1, 7x7 separable and dilated, poolings
    /// of 5x5 and 7x7.
    /// </summary>
    public static SearchSpace DartsLarge { get; } = new("darts-large", isOwn: false, new CellTopology(nodes: 6),
    [
        CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.AveragePool3x3, CandidateOperation.SkipConnect,
        CandidateOperation.SeparableConvolution3x3, CandidateOperation.SeparableConvolution5x5,
        CandidateOperation.DilatedConvolution3x3, CandidateOperation.DilatedConvolution5x5,
        new("conv_1x1", stride => ReluConvolutions(new Convolution(1) { Stride = stride })),
        new("conv_3x3", stride => ReluConvolutions(new Convolution(3) { Stride = stride })),
        new("conv_7x1_1x7", stride => ReluConvolutions(
            new Convolution((1, 7)) { Stride = (1, stride) }, new Convolution((7, 1)) { Stride = (stride, 1) })),
        new("sep_conv_7x7", stride => CandidateOperation.Separable(7, stride)),
        new("dil_conv_7x7", stride => CandidateOperation.Dilated(7, stride)),
        new("max_pool_5x5", stride => [new MaxPool(5, stride)], isNormalizedInSearch: true),
        new("max_pool_7x7", stride => [new MaxPool(7, stride)], isNormalizedInSearch: true),
        new("avg_pool_5x5", stride => [new AveragePool(5, stride)], isNormalizedInSearch: true),
        new("avg_pool_7x7", stride => [new AveragePool(7, stride)], isNormalizedInSearch: true),
    ]);

    private static Layer[] ReluConvolutions(params Convolution[] convolutions) => [new Relu(), .. convolutions, new BatchNorm()];
}
