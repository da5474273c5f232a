using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.OneShot;

/// <summary>What a search found.</summary>
/// <param name="Genotype">The architecture.</param>
/// <param name="Mask">The mask it was searched under.</param>
/// <param name="Alphas">Alpha after the last epoch, per kind of cell: edges x operations, row by row.</param>
/// <param name="Betas">Beta after the last epoch, per kind of cell; null without edge normalisation.</param>
/// <param name="Epochs">The course of the search.</param>
/// <param name="Options">
/// The settings it ran with: batch size and learning rates as <see cref="SearchOptions.MaxMemory"/> left them.
/// </param>
public sealed record SearchResult(
    Genotype Genotype,
    OperationMask Mask,
    IReadOnlyDictionary<CellKind, IReadOnlyList<float>> Alphas,
    IReadOnlyDictionary<CellKind, IReadOnlyList<float>>? Betas,
    IReadOnlyList<SearchEpoch> Epochs,
    SearchOptions Options);
