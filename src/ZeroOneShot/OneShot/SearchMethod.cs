using ZeroOneShot.Networks;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.OneShot;

/// <summary>A method of the paper's Table 1: how it prunes, and with which options it searches.</summary>
public sealed record SearchMethod
{
    private const int PartialChannelsOfPcDarts = 4;
    private const double BetaDecayOfBetaDarts = 25;

    private SearchMethod(string name, PruningKind pruning, int partialChannels = 1, double betaDecay = 0)
    {
        (Name, Pruning, PartialChannels, BetaDecay) = (name, pruning, partialChannels, betaDecay);
    }

    /// <summary>DARTS, first order: the whole space, all channels.</summary>
    public static SearchMethod Darts { get; } = new("DARTS", PruningKind.None);

    /// <summary>DARTS with beta decay.</summary>
    public static SearchMethod BetaDarts { get; } = new("beta-DARTS", PruningKind.None, betaDecay: BetaDecayOfBetaDarts);

    /// <summary>DARTS with partial connections (K = 4) and edge normalisation.</summary>
    public static SearchMethod PcDarts { get; } = new("PC-DARTS", PruningKind.None, PartialChannelsOfPcDarts);

    /// <summary>Pruning until one operation per edge is left; no search.</summary>
    public static SearchMethod Etenas { get; } = new("ETENAS", PruningKind.ZeroShotToGenotype);

    /// <summary>ETENAS on a network with partial connections.</summary>
    public static SearchMethod EtenasPc { get; } = new("ETENAS-PC", PruningKind.ZeroShotToGenotype, PartialChannelsOfPcDarts);

    /// <summary>DARTS on a random half of the operations.</summary>
    public static SearchMethod DartsRandom { get; } = new("DARTS-RND", PruningKind.Random);

    /// <summary>The paper's method: half of the operations by Algorithm 1, then PC-DARTS with beta decay.</summary>
    public static SearchMethod ZeroOneShot { get; } =
        new("Zero-One-Shot", PruningKind.ZeroShot, PartialChannelsOfPcDarts, BetaDecayOfBetaDarts);

    /// <summary>The paper's method on a random half of the operations.</summary>
    public static SearchMethod ZeroOneShotRandom { get; } =
        new("Zero-One-Shot-RND", PruningKind.Random, PartialChannelsOfPcDarts, BetaDecayOfBetaDarts);

    /// <summary>The eight methods, in the order of Table 1.</summary>
    public static IReadOnlyList<SearchMethod> All { get; } =
        [Darts, BetaDarts, PcDarts, Etenas, EtenasPc, DartsRandom, ZeroOneShot, ZeroOneShotRandom];

    /// <summary>The name of Table 1.</summary>
    public string Name { get; }

    /// <summary>How the method prunes.</summary>
    public PruningKind Pruning { get; }

    /// <summary>K: 1/K of the channels pass the operations.</summary>
    public int PartialChannels { get; }

    /// <summary>Whether edges have learned weights: together with partial connections.</summary>
    public bool EdgeNormalization => PartialChannels > 1;

    /// <summary>The value towards which lambda of the beta decay grows; 0 is none.</summary>
    public double BetaDecay { get; }

    /// <summary>The method of a name; case does not matter.</summary>
    /// <param name="name">For example <c>Zero-One-Shot</c>.</param>
    /// <exception cref="ArgumentException">There is no such method; the message lists the eight.</exception>
    public static SearchMethod Parse(string name) =>
        All.FirstOrDefault(method => method.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException(
            $"Method '{name}' is unknown; expected one of {string.Join(", ", All.Select(method => method.Name))}.", nameof(name));

    /// <summary>The method's supernet: a shape with this method's partial connections and edge normalisation.</summary>
    /// <param name="shape">Channels and cells.</param>
    public SupernetOptions Apply(SupernetOptions shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return shape with { PartialChannels = PartialChannels, EdgeNormalization = EdgeNormalization };
    }

    /// <summary>Search options with this method's supernet and beta decay.</summary>
    /// <param name="options">All other settings.</param>
    public SearchOptions Apply(SearchOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options with { Supernet = Apply(options.Supernet), BetaDecay = BetaDecay };
    }

    /// <summary>Pruning options with this method's supernet.</summary>
    /// <param name="options">All other settings.</param>
    public ZeroShotPruningOptions Apply(ZeroShotPruningOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options with { Supernet = Apply(options.Supernet) };
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
