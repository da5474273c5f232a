namespace ZeroOneShot.Report;

/// <summary>A test image to be shown.</summary>
/// <param name="Prediction">What the network says of it.</param>
/// <param name="Png">The picture as a PNG, small: it becomes a part of the page. At most 64 KiB.</param>
public sealed record TestPicture(TestPrediction Prediction, IReadOnlyList<byte> Png);
