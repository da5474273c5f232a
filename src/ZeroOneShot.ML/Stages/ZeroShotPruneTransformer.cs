using Microsoft.ML.Runtime;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML;

/// <summary>What <see cref="ZeroShotPruneEstimator"/> found; annotates the pixel column with it.</summary>
public sealed class ZeroShotPruneTransformer : AnnotatingTransformer
{
    internal ZeroShotPruneTransformer(
        IHost host, string columnName, SearchMethod? method, PruningResult result, string settings)
        : base(host, columnName, Annotations(method, result.Mask, result.Genotype, settings)) => (Method, Result) = (method, result);

    /// <summary>The method that was followed; null where the options named none.</summary>
    public SearchMethod? Method { get; }

    /// <summary>
    /// What the pruning did, round by round: the importances of all operations with the ranks behind them. Without rounds where the method
    /// ranks nothing (DARTS, or a random mask). Annotations, and so later stages and saved models, have mask and architecture alone; keep
    /// the rest with <see cref="PruningResult.ToJson"/>.
    /// </summary>
    public PruningResult Result { get; }

    /// <summary>The operations left.</summary>
    public OperationMask Mask => Result.Mask;

    /// <summary>The architecture, where pruning went on until it was decided (ETENAS, ETENAS-PC); otherwise null.</summary>
    public Genotype? Genotype => Result.Genotype;

    internal static Dictionary<string, string> Annotations(SearchMethod? method, OperationMask mask, Genotype? genotype, string settings)
    {
        var annotations = new Dictionary<string, string>
        {
            [SearchAnnotations.SearchSpaceMask] = mask.ToJson(),
            [SearchAnnotations.SearchSettings] = settings,
        };
        if (method is not null)
        {
            foreach (var kind in MethodAnnotations(method))
                annotations[kind] = method.Name;
        }
        if (genotype is not null)
            annotations[SearchAnnotations.Genotype] = genotype.ToJson();
        return annotations;
    }

    /// <summary>The annotations that hold a method's name.</summary>
    internal static IReadOnlyList<string> MethodAnnotations(SearchMethod? method) => method switch
    {
        null => [],
        { IsPreset: true } => [SearchAnnotations.SearchMethod],
        _ => [SearchAnnotations.SearchMethod, SearchAnnotations.OwnSearchMethod],
    };
}
