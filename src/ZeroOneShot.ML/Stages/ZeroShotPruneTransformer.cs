using Microsoft.ML.Runtime;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML;

/// <summary>What <see cref="ZeroShotPruneEstimator"/> found; annotates the pixel column with it.</summary>
public sealed class ZeroShotPruneTransformer : AnnotatingTransformer
{
    internal ZeroShotPruneTransformer(
        IHost host, string columnName, SearchMethod? method, OperationMask mask, Genotype? genotype, string settings)
        : base(host, columnName, Annotations(method, mask, genotype, settings)) => (Method, Mask, Genotype) = (method, mask, genotype);

    /// <summary>The method that was followed; null where the options named none.</summary>
    public SearchMethod? Method { get; }

    /// <summary>The operations left.</summary>
    public OperationMask Mask { get; }

    /// <summary>The architecture, where pruning went on until it was decided (ETENAS, ETENAS-PC); otherwise null.</summary>
    public Genotype? Genotype { get; }

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
