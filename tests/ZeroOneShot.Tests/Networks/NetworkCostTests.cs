using System.Globalization;
using System.Text.RegularExpressions;
using CsCheck;
using Xunit;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.SearchSpaces;

namespace ZeroOneShot.Tests.Networks;

public sealed partial class NetworkCostTests
{
    private static readonly string[] s_benchmarkOperations =
        ["max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"];

    [Theory]
    [InlineData("DARTS_V2", 3.349, 528.4)]
    [InlineData("PC_DARTS_cifar", 3.635, 556.7)]
    [InlineData("PDARTS", 3.434, 532.2)]
    public void Published_networks_have_their_published_size(string name, double millionParameters, double millionMultiplyAdds)
    {
        var cost = NetworkCost.Of(PublishedGenotypes.ByName[name], new CellNetOptions(), new(3, 32, 32), classes: 10);
        Assert.Equal(millionParameters, Math.Round(cost.Parameters / 1e6, 3));
        Assert.Equal(millionMultiplyAdds, Math.Round(cost.MultiplyAdds / 1e6, 1));
    }

    [Fact]
    public void Networks_of_NAS_Bench_301_have_the_parameters_of_its_table() =>
        Compare(Path.Combine(Repository.Root, "tests", "nas", "nasbench301_params.csv"), atLeast: 60);

    [Fact]
    public void All_networks_of_the_full_table_have_its_parameters()
    {
        var folder = Environment.GetEnvironmentVariable("NAS_DIR") is { Length: > 0 } given
            ? given
            : Path.Combine(Repository.Root, "..", "shared", "nas");
        var file = Path.Combine(folder, "nasbench301_proxies.csv");
        Assert.SkipUnless(File.Exists(file), "nasbench301_proxies.csv is not here; NAS_DIR names the folder that holds it.");
        Compare(file, atLeast: 60);
    }

    [Fact]
    public void The_count_is_that_of_the_network_as_it_is_built() =>
        Gen.Select(Generated.Genotype, Gen.Int[1, 5], Gen.Int[3, 7], Gen.Bool, Gen.OneOf(1, 3), Gen.Int[2, 12])
            .Sample((genotype, halfChannels, cells, affine, inputChannels, classes) =>
            {
                var options = new CellNetOptions
                {
                    Channels = 2 * halfChannels, Cells = cells, AffineOperations = affine, AuxiliaryHead = false,
                };
                using var network = new CellNet(genotype, options, inputChannels, classes);
                Assert.Equal(
                    network.parameters().Sum(parameter => parameter.numel()),
                    NetworkCost.Of(genotype, options, new(inputChannels, 32, 32), classes).Parameters);
            }, iter: 50, threads: 1);

    [Fact]
    public void The_auxiliary_head_does_not_count()
    {
        var options = new CellNetOptions { Channels = 4, Cells = 4, AuxiliaryHead = true };
        Assert.Equal(
            NetworkCost.Of(PublishedGenotypes.DartsV1, options with { AuxiliaryHead = false }, new(3, 32, 32), 10),
            NetworkCost.Of(PublishedGenotypes.DartsV1, options, new(3, 32, 32), 10));
    }

    // 32 channels, 8 cells, 10 classes; learned scales and shifts in stem and preprocessing, none inside the operations (where the batch
    // norm of a factorised reduction belongs too).
    private static void Compare(string file, int atLeast)
    {
        var options = new CellNetOptions { Channels = 32, Cells = 8, AuxiliaryHead = false, AffineOperations = false };
        var rows = File.ReadAllLines(file);
        var column = rows[0].Split(',').Index().Single(name => name.Item == "params").Index;
        foreach (var row in rows[1..])
        {
            var (arch, values) = (row[..row.LastIndexOf('"')], row[row.LastIndexOf('"')..].Split(','));
            var pairs = Pair().Matches(arch).Select(pair => new GenotypeEdge(
                s_benchmarkOperations[int.Parse(pair.Groups["operation"].Value)], int.Parse(pair.Groups["input"].Value))).ToArray();
            var genotype = new Genotype(new CellGenotype(pairs[..8]), new CellGenotype(pairs[8..]));
            var expected = decimal.Parse(values[column], CultureInfo.InvariantCulture) * 1_000_000;
            Assert.True(expected == NetworkCost.Of(genotype, options, new(3, 32, 32), classes: 10).Parameters,
                $"{arch}: expected {expected} parameters, counted {NetworkCost.Of(genotype, options, new(3, 32, 32), 10).Parameters}.");
        }
        Assert.True(rows.Length - 1 >= atLeast, $"{file} has {rows.Length - 1} rows.");
        TestContext.Current.TestOutputHelper?.WriteLine($"{Path.GetFileName(file)}: {rows.Length - 1} parameter counts equal");
    }

    [GeneratedRegex(@"\((?<input>\d+), (?<operation>\d+)\)")]
    private static partial Regex Pair();
}
