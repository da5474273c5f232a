using Xunit;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick.Tests;

public sealed class TableTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_three_forms_of_the_literature_are_read()
    {
        const string darts = "(((0, 3), (1, 1), (0, 2), (2, 6), (0, 1), (3, 2), (2, 2), (4, 3)), " +
            "((0, 1), (1, 6), (0, 6), (1, 4), (1, 2), (3, 1), (2, 0), (4, 5)))";
        var rows = ArchitectureTable.Read(_folder.File("table.csv",
            $"arch,val_accuracy,params\n\"{darts}\",93.03,0.9\n\"{PublishedGenotypes.DartsV2}\",94.5,\n\"(4, 0, 3, 1, 2, 3)\",,1\n"));
        Assert.Equal([93.03, 94.5, null], rows.Select(row => row.Accuracy));
        Assert.Equal("0.9", rows[0].Values["params"]);
        Assert.Equal(new GenotypeEdge("dil_conv_5x5", 2), rows[0].Genotype.Normal.Edges[3]);
        Assert.Equal(new GenotypeEdge("max_pool_3x3", 2), rows[0].Genotype.Reduction!.Edges[6]);
        Assert.Equal(PublishedGenotypes.DartsV2, rows[1].Genotype);
        // Edges 0-1, 0-2, 0-3, 1-2, 1-3, 2-3.
        Assert.Equal("|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|nor_conv_3x3~1|nor_conv_1x1~2|",
            rows[2].Genotype.ToString());
    }

    [Theory]
    [InlineData("arch,val_accuracy\n\"(4, 0, 3, 1, 2, 3)\",ninety\n", "Line 2")]
    [InlineData("arch,val_accuracy\n\"(4, 0, 3, 1, 2, 3)\",90\n\"(4, 0, 3, 1, 2, 5)\",90\n", "Line 3")]
    [InlineData("arch,val_accuracy\nnonsense,90\n", "Line 2")]
    [InlineData("arch,val_accuracy\n\"(4, 0, 3, 1, 2, 3)\",90,1\n", "3 columns")]
    [InlineData("arch,val_accuracy\n", "no line after the first")]
    public void A_wrong_line_is_named(string text, string expected)
    {
        var file = _folder.File("table.csv", text);
        var message = Assert.Throws<InvalidDataException>(() => ArchitectureTable.Read(file)).Message;
        Assert.Contains(expected, message);
        Assert.Contains(file, message);
    }

    [Fact]
    public void Accuracies_of_NAS_Bench_201_are_looked_up()
    {
        var table = NasBench201Table.Read(_folder.File("201.csv",
            "net,val_accuracy\n\"(1, 1, 1, 1, 1, 1)\",10\n\"(2, 2, 2, 2, 2, 2)\",91\n\"(0, 2, 2, 2, 2, 2)\",90\n"));
        Assert.Equal(90, table.Accuracy(Genotype.Parse(
            "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|")));
        Assert.Equal(50, table.Percentile(ArchitectureTable.Genotype("(0, 2, 2, 2, 2, 2)")), 6);
        Assert.Contains("does not have", Assert.Throws<ArgumentException>(
            () => table.Accuracy(ArchitectureTable.Genotype("(3, 2, 2, 2, 2, 2)"))).Message);
        var message = Assert.Throws<ArgumentException>(() => table.Accuracy(PublishedGenotypes.DartsV1)).Message;
        Assert.Contains("'darts'", message);
        Assert.Contains("'nas-bench-201'", message);
    }

    [Fact]
    public void The_whole_table_has_every_architecture_of_NAS_Bench_201()
    {
        var table = NasBench201Table.Read(Tables.Path("nasbench201_cifar10.csv"));
        Assert.Equal(15_625, table.Count);
        var drawn = new GenotypeSampler(OperationMask.Full(SearchSpace.NasBench201)).Draw(2000, seed: 1);
        Assert.InRange(drawn.Average(((IYardstick)table).Percentile), 48, 52);
        // Found by an isolated cell: no path from the input to the output.
        Assert.Equal(10, table.Accuracy(ArchitectureTable.Genotype("(1, 1, 1, 1, 1, 1)")), 0.5);
        Assert.True(table.Percentile(ArchitectureTable.Genotype("(2, 2, 2, 2, 2, 2)")) > 90);
    }
}
