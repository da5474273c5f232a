namespace ZeroOneShot.SearchSpaces;

/// <content>The space of DARTS.</content>
public sealed partial class SearchSpace
{
    /// <summary>
    /// The space of DARTS (section 3.1): 4 nodes, 14 edges, 8 operations, normal and reduction cells: 2 x 14 x 8 choices.
    /// </summary>
    public static SearchSpace Darts { get; } = new("darts", isOwn: false, new CellTopology(nodes: 4),
    [
        CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.AveragePool3x3, CandidateOperation.SkipConnect,
        CandidateOperation.SeparableConvolution3x3, CandidateOperation.SeparableConvolution5x5,
        CandidateOperation.DilatedConvolution3x3, CandidateOperation.DilatedConvolution5x5,
    ]);
}
