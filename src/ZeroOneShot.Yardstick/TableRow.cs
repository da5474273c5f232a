using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>A line of a table of architectures.</summary>
/// <param name="Genotype">The architecture.</param>
/// <param name="Accuracy">Its measured accuracy, in percent; null where the table has none.</param>
/// <param name="Values">The other columns by their names, as texts.</param>
public sealed record TableRow(Genotype Genotype, double? Accuracy, IReadOnlyDictionary<string, string> Values);
