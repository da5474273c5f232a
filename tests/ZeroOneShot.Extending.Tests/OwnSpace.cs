using ZeroOneShot.Layers;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Extending.Tests;

public static class OwnSpace
{
    /// <summary>
    /// Cells of one kind with one input, two nodes and a choice of five operations; the first edge has no pooling. Between two groups of
    /// cells a strided convolution, which doubles the channels.
    /// </summary>
    public static SearchSpace Chain { get; } = new(
        "chain",
        new CellTopology(nodes: 2, inputs: 1, edgesPerNode: 1),
        [
            CandidateOperation.None, CandidateOperation.SkipConnect, CandidateOperation.MaxPool3x3, OwnOperation.Cross, OwnLayer.Operation,
        ],
        kinds: [CellKind.Normal],
        macro: new MacroArchitecture(
            [new Stem("chain", [[new Convolution(3), new BatchNorm()]], multiplier: 2)],
            cells =>
            [
                .. Enumerable.Repeat(MacroItem.Cell(CellKind.Normal), cells / 2),
                MacroItem.Block([new Relu(), new Convolution(3) { Stride = 2 }, new BatchNorm()], channelFactor: 2),
                .. Enumerable.Repeat(MacroItem.Cell(CellKind.Normal), cells - cells / 2),
            ],
            head: [new Relu()],
            fewestCells: 2),
        allows: (kind, edge, row) => edge != 0 || row != 2);
}
