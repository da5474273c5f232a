using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.OneShot;

/// <summary>
/// A method: how it prunes, how it searches, how the alphas of a one-shot search become mixing weights, and what else that searches with.
/// The presets are the eight methods of the paper's Table 1, GDAS, FairDARTS and a search without training; combine your own with
/// <c>new SearchMethod { Name = ..., ... }</c>, or from a preset with <c>with</c> and another name.
/// </summary>
/// <remarks>
/// Epochs, batches and learning rates are no part of a method: the paper compares all of Table 1 with the same ones, those of the public
/// PC-DARTS code, which are the defaults of <see cref="SearchOptions"/>. The public code of DARTS, for one, has batches of 64 images, rates
/// of the weights from 0.025 to 0.001, 3e-4 for alpha, and no epochs of weights only.
/// </remarks>
public sealed record SearchMethod
{
    private const int PartialChannelsOfPcDarts = 4;

    /// <summary>DARTS, first order: the whole space, all channels.</summary>
    public static SearchMethod Darts { get; } = new() { Name = "DARTS" };

    /// <summary>DARTS with beta decay.</summary>
    public static SearchMethod BetaDarts { get; } = new() { Name = "beta-DARTS", LossTerms = [new BetaDecay()] };

    /// <summary>DARTS with partial connections (K = 4) and edge normalisation.</summary>
    public static SearchMethod PcDarts { get; } = new()
    {
        Name = "PC-DARTS", PartialChannels = PartialChannelsOfPcDarts, EdgeNormalization = true,
    };

    /// <summary>Pruning until one operation per edge is left; no search.</summary>
    public static SearchMethod Etenas { get; } = new() { Name = "ETENAS", Pruning = PruningKind.ZeroShotToGenotype };

    /// <summary>ETENAS on a network with partial connections.</summary>
    public static SearchMethod EtenasPc { get; } = PcDarts with { Name = "ETENAS-PC", Pruning = PruningKind.ZeroShotToGenotype };

    /// <summary>DARTS on a random half of the operations.</summary>
    public static SearchMethod DartsRandom { get; } = new() { Name = "DARTS-RND", Pruning = PruningKind.Random };

    /// <summary>The paper's method: half of the operations by Algorithm 1, then PC-DARTS with beta decay.</summary>
    public static SearchMethod ZeroOneShot { get; } =
        PcDarts with { Name = "Zero-One-Shot", Pruning = PruningKind.ZeroShot, LossTerms = [new BetaDecay()] };

    /// <summary>The paper's method on a random half of the operations.</summary>
    public static SearchMethod ZeroOneShotRandom { get; } =
        ZeroOneShot with { Name = "Zero-One-Shot-RND", Pruning = PruningKind.Random };

    /// <summary>GDAS: the whole space, of which every step samples and runs one operation an edge.</summary>
    public static SearchMethod Gdas { get; } = new() { Name = "GDAS", Relaxation = new GumbelRelaxation() };

    /// <summary>FairDARTS: the whole space without <c>none</c>, sigmoids in place of the softmax, and the zero-one loss.</summary>
    public static SearchMethod FairDarts { get; } = new()
    {
        Name = "FairDARTS", ExcludeNone = true, Relaxation = new SigmoidRelaxation(), LossTerms = [new ZeroOneLoss()],
    };

    /// <summary>
    /// No pruning, and a search without training: of the genotypes that the time suffices to rank, the one whose ranks are highest together
    /// (<see cref="ZeroShot.ZeroShotSearch"/>). The default of the trainer that is given minutes.
    /// </summary>
    public static SearchMethod ZeroShot { get; } = new() { Name = "Zero-Shot", Search = SearchKind.ZeroShot };

    /// <summary>The eight methods of Table 1, in its order.</summary>
    public static IReadOnlyList<SearchMethod> Table1 { get; } =
        [Darts, BetaDarts, PcDarts, Etenas, EtenasPc, DartsRandom, ZeroOneShot, ZeroOneShotRandom];

    /// <summary>All presets: those of <see cref="Table1"/>, GDAS, FairDARTS and <see cref="ZeroShot"/>.</summary>
    public static IReadOnlyList<SearchMethod> All { get; } = [.. Table1, Gdas, FairDarts, ZeroShot];

    /// <summary>The method's name. One of one's own must be no preset's.</summary>
    public required string Name { get; init; }

    /// <summary>How the method prunes. Default <see cref="PruningKind.None"/>.</summary>
    public PruningKind Pruning { get; init; } = PruningKind.None;

    /// <summary>
    /// Whether a method that does not prune leaves out <c>none</c> all the same; those that prune have settings for that. Default false.
    /// </summary>
    public bool ExcludeNone { get; init; }

    /// <summary>
    /// How the method searches; without effect where pruning decides. The settings below are those of a one-shot search. Default
    /// <see cref="SearchKind.OneShot"/>.
    /// </summary>
    public SearchKind Search { get; init; } = SearchKind.OneShot;

    /// <summary>How alphas become mixing weights, and a genotype is read off. Default: the softmax of DARTS.</summary>
    public Relaxation Relaxation { get; init; } = new SoftmaxRelaxation();

    /// <summary>What is added to the architecture's loss. Default: nothing.</summary>
    public IReadOnlyList<ArchitectureLossTerm> LossTerms { get; init; } = [];

    /// <summary>K: 1/K of the channels pass the operations. Default 1, all of them.</summary>
    public int PartialChannels { get; init; } = 1;

    /// <summary>Whether edges have learned weights. Default false.</summary>
    public bool EdgeNormalization { get; init; }

    /// <summary>The preset of a name; case does not matter.</summary>
    /// <param name="name">For example <c>Zero-One-Shot</c>.</param>
    /// <exception cref="ArgumentException">There is no such preset; the message lists them.</exception>
    public static SearchMethod Parse(string name) => Find(name)
        ?? throw new ArgumentException(
            $"Method '{name}' is unknown; expected one of {string.Join(", ", All.Select(method => method.Name))}.", nameof(name));

    /// <summary>The preset of a name, or null; case does not matter.</summary>
    /// <param name="name">For example <c>Zero-One-Shot</c>.</param>
    public static SearchMethod? Find(string name) =>
        All.FirstOrDefault(method => method.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether this is one of <see cref="All"/>, not one of one's own.</summary>
    public bool IsPreset => All.Any(preset => ReferenceEquals(preset, this));

    /// <summary>The operations that the method starts from: all of the space, or all but <c>none</c>.</summary>
    /// <param name="space">The search space.</param>
    public OperationMask StartMask(SearchSpace space)
    {
        var mask = OperationMask.Full(space);
        return !ExcludeNone ? mask : space.Operations.Index().Where(row => !row.Item.CanBeChosen)
            .Aggregate(mask, (left, row) => left.WithoutEverywhere(row.Index));
    }

    /// <summary>Checks that the method can be followed.</summary>
    /// <exception cref="ArgumentException">The name is empty or a preset's, or a setting is out of its range.</exception>
    public void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Name);
        if (!IsPreset && Find(Name) is not null)
        {
            throw new ArgumentException(
                $"A method of one's own is called '{Name}', as a preset is; " +
                "give it another name, by which a model can tell how it was found.");
        }
        ArgumentNullException.ThrowIfNull(Relaxation);
        Relaxation.Validate();
        Checked.NoNull(LossTerms, nameof(LossTerms));
        foreach (var term in LossTerms)
            term.Validate();
    }

    /// <summary>
    /// The method's supernet: a shape with this method's partial connections and edge normalisation, whatever these were.
    /// </summary>
    /// <param name="shape">Channels, cells and stem, which stay.</param>
    public SupernetOptions Apply(SupernetOptions shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return shape with { PartialChannels = PartialChannels, EdgeNormalization = EdgeNormalization };
    }

    /// <summary>
    /// Search options with this method's supernet, relaxation and loss terms, whatever these were, for example another method's.
    /// </summary>
    /// <param name="options">
    /// All other settings, which stay: shape of the network, epochs, batches and rates, <see cref="SearchOptions.CostTarget"/>.
    /// </param>
    public SearchOptions Apply(SearchOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options with { Supernet = Apply(options.Supernet), Relaxation = Relaxation, LossTerms = LossTerms };
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
