namespace ZeroOneShot.Report;

/// <summary>What a network says of all test images.</summary>
public sealed record TestResults
{
    /// <summary>The names of the classes, in the order of the labels; shown as they are, whatever is in them.</summary>
    public required IReadOnlyList<string> ClassNames { get; init; }

    /// <summary>One for each image.</summary>
    public required IReadOnlyList<TestPrediction> Predictions { get; init; }

    /// <summary>The worst mistakes: images that the network was most sure of and got wrong. Default none.</summary>
    public IReadOnlyList<TestPicture> Mistakes { get; init; } = [];

    /// <summary>Some images that it got right. Default none.</summary>
    public IReadOnlyList<TestPicture> Correct { get; init; } = [];
}
