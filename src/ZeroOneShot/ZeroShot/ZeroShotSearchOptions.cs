using System.Text.Json.Serialization;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.ZeroShot;

/// <summary>The settings of a search without training, <see cref="ZeroShotSearch"/>.</summary>
public sealed record ZeroShotSearchOptions
{
    /// <summary>How many genotypes are drawn, at least 2; fewer where there are no more. Time grows in proportion. Default 100.</summary>
    public int Candidates { get; init; } = 100;

    /// <summary>
    /// What ranks the candidates' networks, with equal weight; see <see cref="Ranking.SumOfRanks"/>. Default null: what is best by measured
    /// accuracies of the space, <see cref="DefaultFunctions"/>.
    /// </summary>
    public IReadOnlyList<IRankingFunction>? Functions { get; init; }

    /// <summary>On how many images and at how many random weights. Default: one batch of 16 images, one set of weights.</summary>
    public RankingOptions Ranking { get; init; } = new() { BatchSize = 16, Batches = 1, Initializations = 1 };

    /// <summary>The shape of the candidates' networks. Default: 16 channels, 8 cells.</summary>
    public CellNetOptions Network { get; init; } = new() { Channels = 16, Cells = 8, AuxiliaryHead = false };

    /// <summary>
    /// Draws a candidate out of the mask, for example one of a cost that the user can afford (<see cref="OneShot.CostTarget.Draws"/>); the
    /// same by the same random numbers. Default null: each genotype with the same probability, <see cref="GenotypeSampler"/>.
    /// </summary>
    [JsonIgnore]
    public Func<Random, Genotype>? Draw { get; init; }

    /// <summary>Which genotypes that are drawn may be chosen. Default null: all.</summary>
    [JsonIgnore]
    public Func<Genotype, bool>? Accepts { get; init; }

    /// <summary>
    /// The time after which no further candidate is ranked; above 0. At least two are. Default null: no limit. A search that goes on from a
    /// checkpoint has it anew, unless time was up before: then it is over.
    /// </summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>Decides the candidates, and, in place of that of <see cref="Ranking"/>, weights and images. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>What measures <see cref="TimeLimit"/>.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// The functions that candidates of a space are ranked by where <see cref="Functions"/> is null. <see cref="Swap"/> and
    /// <see cref="AzExpressivity"/> agree with measured accuracies best among those that need no gradient; in the space of DARTS they like
    /// best what hardly trains, so that there <see cref="SkipConnections"/> and <see cref="Shallowness"/> stand beside them. In that of
    /// NAS-Bench-201 SWAP and <see cref="Naswot"/> found better networks. In other spaces nothing was measured.
    /// </summary>
    /// <param name="space">The space.</param>
    public static IReadOnlyList<IRankingFunction> DefaultFunctions(SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        return space.Name == SearchSpace.Darts.Name ? [new Swap(), new AzExpressivity(), new SkipConnections(), new Shallowness()]
            : space.Name == SearchSpace.NasBench201.Name ? [new Swap(), new Naswot()]
            : [new Swap(), new AzExpressivity()];
    }

    /// <summary>The same with the functions that a space is ranked by.</summary>
    internal ZeroShotSearchOptions For(SearchSpace space) => Functions is null ? this with { Functions = DefaultFunctions(space) } : this;

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        if (Candidates < 2)
            throw new ArgumentException($"Candidates is {Candidates}; expected at least 2 to choose from.");
        if (Functions is not null)
            Checked.NoNull(Functions, nameof(Functions));
        if (Functions?.Count == 0)
        {
            throw new ArgumentException(
                "Functions is empty; expected at least one ranking function, for example new Swap(), or null for the space's.");
        }
        ArgumentNullException.ThrowIfNull(Ranking);
        Ranking.Validate();
        ArgumentNullException.ThrowIfNull(Network);
        Network.Validate();
        if (TimeLimit <= TimeSpan.Zero)
            throw new ArgumentException($"TimeLimit is {TimeLimit}; expected a time above 0, or null for no limit.");
    }
}
