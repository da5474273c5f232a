using CsCheck;
using Xunit;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

public sealed class ArchitectureParametersTests
{
    [Fact]
    public void Weights_of_live_operations_sum_to_1_and_masked_ones_weigh_nothing() =>
        Gen.Select(Generated.UsableMask, Gen.Int, Gen.Double[0.001, 30]).Sample((mask, seed, scale) =>
        {
            using var scope = NewDisposeScope();
            using var architecture = Random(mask, edgeNormalization: true, seed, scale);
            using var mixture = architecture.Mixture();
            foreach (var kind in SearchSpace.Darts.Kinds)
            {
                var weights = mixture.Operations(kind).data<double>().ToArray();
                foreach (var (edge, row) in weights.Chunk(SearchSpace.Darts.Operations.Count).Index())
                {
                    Assert.Equal(1, row.Sum(), tolerance: 1e-12);
                    Assert.All(row.Index(), at => Assert.True(mask[kind, edge, at.Index] || at.Item == 0));
                }
                var edges = mixture.Edges(kind)!.data<double>().ToArray();
                for (var node = 0; node < 4; node++)
                    Assert.Equal(1, edges[SearchSpace.Darts.Topology.EdgesInto(node)].Sum(), tolerance: 1e-12);
            }
        }, iter: 1000, threads: 1);

    [Fact]
    public void A_genotype_never_names_a_masked_operation() =>
        Gen.Select(Generated.UsableMask, Gen.Bool, Gen.Int, Gen.Double[0.001, 30]).Sample((mask, edgeNormalization, seed, scale) =>
        {
            using var scope = NewDisposeScope();
            using var architecture = Random(mask, edgeNormalization, seed, scale);
            var genotype = architecture.Genotype();
            genotype.ThrowIfNotIn(SearchSpace.Darts);
            foreach (var kind in SearchSpace.Darts.Kinds)
            {
                Assert.Equal(8, genotype.Cell(kind).Edges.Count);
                foreach (var (i, edge) in genotype.Cell(kind).Edges.Index())
                    Assert.True(mask[kind, SearchSpace.Darts.Topology.FirstEdge(i / 2) + edge.Input,
                        SearchSpace.Darts.IndexOf(edge.Operation)]);
                Assert.All(genotype.Cell(kind).Edges.Chunk(2), node => Assert.NotEqual(node[0].Input, node[1].Input));
            }
        }, iter: 1000, threads: 1);

    [Fact]
    public void A_mask_without_a_genotype_is_refused_with_the_node() =>
        Assert.Contains("node 0 of the Reduction cell 1 edge(s)", Assert.Throws<ArgumentException>(() =>
        {
            var mask = OperationMask.Create(
                SearchSpace.Darts, (kind, edge, operation) => (kind, edge) != (CellKind.Reduction, 1) || operation == 0);
            using var architecture = new ArchitectureParameters(mask, edgeNormalization: false);
            architecture.Genotype();
        }).Message);

    [Fact]
    public void Masked_alphas_start_at_0_and_live_ones_as_without_a_mask()
    {
        using var scope = NewDisposeScope();
        var mask = RandomPruning();
        using var masked = new ArchitectureParameters(mask, edgeNormalization: true);
        using var full = new ArchitectureParameters(OperationMask.Full(SearchSpace.Darts), edgeNormalization: true);
        foreach (var architecture in new[] { masked, full })
        {
            using var random = RandomStream.Of(7, "start");
            architecture.Initialize(random);
        }
        var (ours, all) = (masked.AlphaValues(), full.AlphaValues());
        foreach (var kind in SearchSpace.Darts.Kinds)
            Assert.Equal(all[kind].Select((alpha, i) => mask[kind, i / 8, i % 8] ? alpha : 0), ours[kind]);
        Assert.Equal(full.BetaValues()![CellKind.Reduction], masked.BetaValues()![CellKind.Reduction]);

        static OperationMask RandomPruning() => ZeroOneShot.ZeroShot.RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 3);
    }

    private static ArchitectureParameters Random(OperationMask mask, bool edgeNormalization, int seed, double scale)
    {
        var architecture = new ArchitectureParameters(mask, edgeNormalization, ScalarType.Float64);
        using var random = RandomStream.Of(seed, "architecture");
        architecture.Initialize(random);
        using var _ = no_grad();
        foreach (var parameter in architecture.Parameters)
            parameter.mul_(scale / ArchitectureParameters.InitialScale);
        return architecture;
    }
}
