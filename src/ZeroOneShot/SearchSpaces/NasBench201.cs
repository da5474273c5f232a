using ZeroOneShot.Layers;

namespace ZeroOneShot.SearchSpaces;

/// <content>The space of NAS-Bench-201.</content>
public sealed partial class SearchSpace
{
    /// <summary>
    /// The space of NAS-Bench-201 (Dong and Yang 2020, and its public code): one kind of cell with one input and 3 nodes, 6 edges, all of
    /// which a genotype keeps, and 5 operations, <c>none</c> among those that can be chosen; the cell's output is its last node. Three
    /// stages of a third of the cells each (5 in the benchmark: 15 cells, 16 channels), residual blocks between them, batch norm and ReLU
    /// before the pooling. For images of more than 64 pixels a side, which the benchmark has not, the stem is <see cref="Stem.ImageNet"/>.
    /// </summary>
    public static SearchSpace NasBench201 { get; } = new(
        "nas-bench-201",
        isOwn: false,
        new CellTopology(nodes: 3, inputs: 1, edgesPerNode: null, output: [3], preprocesses: false),
        [
            new("none", stride => [new Zero(stride)]),
            new("skip_connect", CandidateOperation.SkipConnect.Layers),
            new("nor_conv_1x1", stride => ReluConvolution(1, stride)),
            new("nor_conv_3x3", stride => ReluConvolution(3, stride)),
            new("avg_pool_3x3", stride => [new AveragePool(3, stride)]),
        ],
        [CellKind.Normal],
        new MacroArchitecture(
            [new Stem("nas-bench-201", [[new Convolution(3), new BatchNorm()]], multiplier: 1, largestImage: 64), Stem.ImageNet],
            cells => [.. Enumerable.Range(0, cells).SelectMany(cell => cell == cells / 3 || cell == 2 * cells / 3
                ? [MacroItem.Block([new ResidualReduction()], channelFactor: 2), MacroItem.Cell(CellKind.Normal)]
                : (MacroItem[])[MacroItem.Cell(CellKind.Normal)])],
            head: [new BatchNorm(), new Relu()]) { Names = ModuleNames.NasBench201 });

    private static Layer[] ReluConvolution(int kernel, int stride) =>
        [new Relu(), new Convolution(kernel) { Stride = stride, Bias = ConvolutionBias.UnlessAffine }, new BatchNorm()];
}
