using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.OneShot;

/// <summary>What a search found.</summary>
/// <param name="genotype"><see cref="Genotype"/>.</param>
/// <param name="mask"><see cref="Mask"/>.</param>
/// <param name="alphas"><see cref="Alphas"/>.</param>
/// <param name="betas"><see cref="Betas"/>.</param>
/// <param name="epochs"><see cref="Epochs"/>.</param>
/// <param name="options"><see cref="Options"/>.</param>
public sealed class SearchResult(
    Genotype genotype, OperationMask mask, IReadOnlyDictionary<CellKind, IReadOnlyList<float>> alphas, IReadOnlyDictionary<CellKind,
    IReadOnlyList<float>>? betas, IReadOnlyList<SearchEpoch> epochs, SearchOptions options)
{
    /// <summary>The architecture.</summary>
    public Genotype Genotype { get; } = genotype;

    /// <summary>The mask it was searched under.</summary>
    public OperationMask Mask { get; } = mask;

    /// <summary>Alpha after the last epoch, per kind of cell: edges x operations, row by row.</summary>
    public IReadOnlyDictionary<CellKind, IReadOnlyList<float>> Alphas { get; } = alphas;

    /// <summary>Beta after the last epoch, per kind of cell; null without edge normalisation.</summary>
    public IReadOnlyDictionary<CellKind, IReadOnlyList<float>>? Betas { get; } = betas;

    /// <summary>The course of the search.</summary>
    public IReadOnlyList<SearchEpoch> Epochs { get; } = epochs;

    /// <summary>Alpha after each of <see cref="Epochs"/>, as <see cref="Alphas"/> is after the last.</summary>
    public IReadOnlyList<IReadOnlyDictionary<CellKind, IReadOnlyList<float>>> AlphasOfEpochs { get; init; } = [];

    /// <summary>The settings it ran with: batch size and learning rates as <see cref="SearchOptions.MaxMemory"/> left them.</summary>
    public SearchOptions Options { get; } = options;

    /// <summary>Whether the time limit made its schedule another one than its epochs make.</summary>
    internal bool Shortened { get; init; }
}
