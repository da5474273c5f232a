namespace ZeroOneShot.Report;

/// <summary>Images of which the network is about as sure.</summary>
/// <param name="Images">How many.</param>
/// <param name="Confidence">Their mean score of the predicted class.</param>
/// <param name="Accuracy">The share of them that is right.</param>
internal readonly record struct CalibrationBin(int Images, double Confidence, double Accuracy);
