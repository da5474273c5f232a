namespace ZeroOneShot.ML;

/// <summary>One class of a prediction: see <see cref="ScoreColumns"/>.</summary>
/// <param name="Label">The name of the class.</param>
/// <param name="Score">Its score; of a <see cref="CellNetTransformer"/>, its probability.</param>
public readonly record struct ClassScore(string Label, float Score);
