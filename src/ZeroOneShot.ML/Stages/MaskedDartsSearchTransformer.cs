using Microsoft.ML.Runtime;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML;

/// <summary>What <see cref="MaskedDartsSearchEstimator"/> found; annotates the pixel column with it.</summary>
public sealed class MaskedDartsSearchTransformer : AnnotatingTransformer
{
    internal MaskedDartsSearchTransformer(
        IHost host, string columnName, SearchMethod? method, OperationMask mask, Genotype genotype, SearchResult? result, string settings)
        : base(host, columnName, ZeroShotPruneTransformer.Annotations(method, mask, genotype, settings)) =>
        (Method, Mask, Genotype, Result) = (method, mask, genotype, result);

    /// <summary>The method that was followed; null where neither the options nor the pruning stage named one.</summary>
    public SearchMethod? Method { get; }

    /// <summary>The operations that were searched.</summary>
    public OperationMask Mask { get; }

    /// <summary>The architecture.</summary>
    public Genotype Genotype { get; }

    /// <summary>
    /// The course of the search and its last alphas; null where pruning had decided on the architecture (ETENAS, ETENAS-PC).
    /// </summary>
    public SearchResult? Result { get; }
}
