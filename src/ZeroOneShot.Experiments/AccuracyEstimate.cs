namespace ZeroOneShot.Experiments;

/// <summary>The accuracy of an architecture that was not trained here: predicted, or looked up.</summary>
/// <param name="Accuracy">In percent.</param>
/// <param name="Low">Lower end of the interval it lies in; the accuracy itself where it is known.</param>
/// <param name="High">Upper end.</param>
public sealed record AccuracyEstimate(double Accuracy, double Low, double High);
