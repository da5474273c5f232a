using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Networks;

/// <summary>
/// Where a cell stands in an evaluation network, and its channels: what building, counting and exporting a network all need.
/// </summary>
/// <param name="Kind">Normal or reduction.</param>
/// <param name="Genotype">The cell's architecture.</param>
/// <param name="PreviousReduced">Whether the cell before is a reduction, so that the first input is twice as large.</param>
/// <param name="ChannelsBeforePrevious">Channels of the first input.</param>
/// <param name="PreviousChannels">Channels of the second input.</param>
/// <param name="Channels">Channels of every state.</param>
internal sealed record CellPlan(
    CellKind Kind, CellGenotype Genotype, bool PreviousReduced, int ChannelsBeforePrevious, int PreviousChannels, int Channels)
{
    /// <summary>Edges into every node.</summary>
    public const int EdgesPerNode = 2;

    /// <summary>Channels of the output.</summary>
    public int OutputChannels => Genotype.Concat.Count * Channels;

    public IReadOnlyList<Layer> FirstPreprocess => PreviousReduced ? CandidateOperation.ReducingPreprocess : CandidateOperation.Preprocess;

    public IReadOnlyList<Layer> Layers(SearchSpace space, GenotypeEdge edge) => space.Operation(edge.Operation).Layers(Stride(edge));

    public int Stride(GenotypeEdge edge) => Kind == CellKind.Reduction && edge.Input < CellTopology.Inputs ? 2 : 1;

    /// <summary>The cells of a network, from the stem to the classifier.</summary>
    public static IReadOnlyList<CellPlan> Of(Genotype genotype, CellNetOptions options)
    {
        var plans = new List<CellPlan>();
        var stem = options.StemMultiplier * options.Channels;
        var (beforePrevious, previous, channels, previousReduced) = (stem, stem, options.Channels, false);
        for (var i = 0; i < options.Cells; i++)
        {
            var kind = CellTopology.KindOf(options.Cells, i);
            if (kind == CellKind.Reduction)
                channels *= 2;
            var plan = new CellPlan(kind, genotype.Cell(kind), previousReduced, beforePrevious, previous, channels);
            plans.Add(plan);
            (beforePrevious, previous, previousReduced) = (previous, plan.OutputChannels, kind == CellKind.Reduction);
        }
        return plans;
    }
}
