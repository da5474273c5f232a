namespace ImageSearch;

/// <summary>What the model says of one test image.</summary>
/// <param name="Image">The image's name.</param>
/// <param name="Label">Its class.</param>
/// <param name="Predicted">The class predicted.</param>
/// <param name="Score">The probability of the class predicted.</param>
internal sealed record Prediction(string Image, int Label, int Predicted, float Score);
