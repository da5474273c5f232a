using Xunit;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.SearchSpaces;

public sealed class GenotypeSamplerTests
{
    [Fact]
    public void Every_genotype_that_a_mask_allows_is_drawn_equally_often()
    {
        // Node 0: its two edges have 2 and 1 operations; node 1: two of three edges with 1, 2 and 3, so 2 + 3 + 6 pairs.
        var space = new SearchSpace("small", new CellTopology(2),
            [CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect,
                CandidateOperation.SeparableConvolution3x3],
            [CellKind.Normal], MacroOfNormalCells());
        int[] live = [2, 1, 1, 2, 3];
        var sampler = new GenotypeSampler(OperationMask.Create(space, (_, edge, row) => row <= live[edge]));
        Assert.Equal(2 * 11, sampler.Count);
        var counts = sampler.Draw(22_000, seed: 1).GroupBy(genotype => genotype.ToString()).Select(group => group.Count()).ToArray();
        Assert.Equal(22, counts.Length);
        // Chi-square of 21 degrees of freedom: above 50 once in 2,000 seeds.
        Assert.True(counts.Sum(count => (count - 1000.0) * (count - 1000) / 1000) < 50);
    }

    [Fact]
    public void Genotypes_are_of_the_space_and_of_live_operations_alone_in_every_space()
    {
        foreach (var space in SearchSpace.All)
        {
            var mask = RandomPruning.Mask(space, 0.3, seed: 2);
            foreach (var genotype in new GenotypeSampler(mask).Draw(50, seed: 3))
            {
                genotype.ThrowIfNotIn(space);
                foreach (var kind in space.Kinds)
                {
                    var cell = genotype.Cell(kind);
                    foreach (var (i, edge) in cell.Edges.Index())
                    {
                        var at = space.Topology.Edges.Index().Single(e => e.Item == new CellEdge(edge.Input, cell.NodeOf(i))).Index;
                        Assert.True(mask[kind, at, space.IndexOf(edge.Operation)]);
                    }
                }
            }
        }
    }

    [Fact]
    public void A_seed_draws_the_same_genotypes_and_a_mask_without_any_is_refused()
    {
        var sampler = new GenotypeSampler(OperationMask.Full(SearchSpace.Darts));
        Assert.Equal(sampler.Draw(20, 5), sampler.Draw(20, 5));
        Assert.NotEqual(sampler.Draw(20, 5), sampler.Draw(20, 6));
        Assert.Contains("needs 2", Assert.Throws<ArgumentException>(() => new GenotypeSampler(
            OperationMask.Create(SearchSpace.Darts, (_, _, row) => row == 0))).Message);
    }

    private static MacroArchitecture MacroOfNormalCells() => SearchSpace.NasBench201.Macro;
}
