namespace ZeroOneShot.Report;

/// <summary>What a network says of one test image.</summary>
/// <param name="Image">The image's name, such as its path; shown as it is, and never opened.</param>
/// <param name="Label">Its class, from 0.</param>
/// <param name="Predicted">The class predicted, from 0.</param>
/// <param name="Score">The score of the class predicted, 0 to 1.</param>
public sealed record TestPrediction(string Image, int Label, int Predicted, double Score);
