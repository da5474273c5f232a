using ZeroOneShot.Layers;

namespace ZeroOneShot.SearchSpaces;

/// <content>The four spaces of RobustDARTS.</content>
public sealed partial class SearchSpace
{
    // Before the spaces, which are made of them: the two operations of every edge, as rows of the table of S1.
    private static readonly (int, int)[] s_normalOfS1 =
    [
        (2, 4), (2, 5), (2, 5), (2, 3), (2, 4), (0, 2), (2, 3), (2, 3), (2, 4), (2, 3), (0, 2), (2, 4), (4, 5), (4, 5),
    ];

    private static readonly (int, int)[] s_reductionOfS1 =
    [
        (0, 1), (0, 4), (0, 1), (0, 1), (2, 5), (0, 1), (0, 3), (2, 4), (2, 5), (0, 1), (0, 1), (2, 5), (2, 5), (2, 5),
    ];

    /// <summary>
    /// Space S1 of RobustDARTS (Zela et al. 2020, and its public code): the cell of DARTS, and on every edge two operations of its own, in
    /// normal and reduction cells different ones: those that a search of the whole space found best there.
    /// </summary>
    public static SearchSpace DartsS1 { get; } = new("darts-s1", isOwn: false, new CellTopology(nodes: 4),
        [
            CandidateOperation.MaxPool3x3, CandidateOperation.AveragePool3x3, CandidateOperation.SkipConnect,
            CandidateOperation.SeparableConvolution3x3, CandidateOperation.DilatedConvolution3x3, CandidateOperation.DilatedConvolution5x5,
        ],
        allows: (kind, edge, row) =>
        {
            var (first, second) = (kind == CellKind.Normal ? s_normalOfS1 : s_reductionOfS1)[edge];
            return row == first || row == second;
        });

    /// <summary>Space S2 of RobustDARTS: the cell of DARTS, on every edge <c>skip_connect</c> and <c>sep_conv_3x3</c>.</summary>
    public static SearchSpace DartsS2 { get; } = new("darts-s2", isOwn: false, new CellTopology(nodes: 4),
        [CandidateOperation.SkipConnect, CandidateOperation.SeparableConvolution3x3]);

    /// <summary>
    /// Space S3 of RobustDARTS: the cell of DARTS, on every edge <c>none</c>, <c>skip_connect</c> and <c>sep_conv_3x3</c>.
    /// </summary>
    public static SearchSpace DartsS3 { get; } = new("darts-s3", isOwn: false, new CellTopology(nodes: 4),
        [CandidateOperation.None, CandidateOperation.SkipConnect, CandidateOperation.SeparableConvolution3x3]);

    /// <summary>
    /// Space S4 of RobustDARTS: the cell of DARTS, on every edge <c>noise</c> (<see cref="Noise"/>), which a good search does not choose
    /// although a genotype may, and <c>sep_conv_3x3</c>.
    /// </summary>
    public static SearchSpace DartsS4 { get; } = new("darts-s4", isOwn: false, new CellTopology(nodes: 4),
        [new("noise", stride => [new Noise(stride)]), CandidateOperation.SeparableConvolution3x3]);
}
