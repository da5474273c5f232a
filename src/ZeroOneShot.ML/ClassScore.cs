namespace ZeroOneShot.ML;

/// <summary>A class and its score.</summary>
/// <param name="Label">The name of the class.</param>
/// <param name="Score">The probability that an image is of it, from 0 to 1.</param>
public sealed record ClassScore(string Label, float Score);
