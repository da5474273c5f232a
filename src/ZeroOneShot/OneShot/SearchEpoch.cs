using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.OneShot;

/// <summary>One epoch of a search.</summary>
/// <param name="Loss">Mean cross entropy of the train batches.</param>
/// <param name="Accuracy">Share of train images classified rightly, 0 to 1.</param>
/// <param name="SearchLoss">Mean cross entropy of the search batches; null in epochs that train the weights only.</param>
/// <param name="SearchAccuracy">Share of search images classified rightly, 0 to 1; null where <paramref name="SearchLoss"/> is.</param>
/// <param name="Genotype">The architecture that would be read off after this epoch.</param>
public sealed record SearchEpoch(double Loss, double Accuracy, double? SearchLoss, double? SearchAccuracy, Genotype Genotype);
