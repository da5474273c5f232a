using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>An architecture whose network somebody has trained.</summary>
/// <param name="Genotype">The architecture.</param>
/// <param name="Accuracy">Its accuracy, in percent.</param>
public sealed record MeasuredGenotype(Genotype Genotype, double Accuracy);
