using Xunit;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.ZeroShot;

public sealed class PruningResultJsonTests
{
    private static readonly PruningResult s_result = Result();

    [Fact]
    public void A_result_that_is_written_and_read_is_the_same()
    {
        var read = PruningResult.FromJson(s_result.ToJson(), SearchSpace.Darts);
        Assert.Equal(s_result.ToJson(), read.ToJson());
        Assert.Equal(s_result.Mask, read.Mask);
        Assert.Equal(3, read.Rounds.Count);
        Assert.Equal(s_result.Genotype, read.Genotype);
        Assert.Equal(s_result.LastOperations!.Candidates.Select(j => j.Importance),
            read.LastOperations!.Candidates.Select(j => j.Importance));
    }

    [Theory]
    [InlineData("\"space\": \"darts\"", "\"space\": \"darts-s1\"", "'darts-s1'")]
    [InlineData("\"edge\": 0", "\"edge\": 14", "on edge 14")]
    [InlineData("\"edge\": 1,", "\"edge\": 0,", "stands twice")]
    [InlineData("\"function\": \"second\"", "\"function\": \"third\"", "third")]
    [InlineData("\"rounds\"", "\"round\"", "'round'")]
    [InlineData("\"importance\": ", "\"importances\": ", "'importances'")]
    public void What_is_no_result_of_this_space_is_refused(string text, string other, string expected)
    {
        var json = s_result.ToJson();
        var at = json.IndexOf(text, StringComparison.Ordinal);                      // once: a name may change, if it does so everywhere
        var changed = json[..at] + other + json[(at + text.Length)..];
        Assert.Contains(expected, Assert.Throws<FormatException>(() => PruningResult.FromJson(changed, SearchSpace.Darts)).Message);
    }

    [Fact]
    public void A_grid_shows_the_importances_of_each_function_and_nothing_where_no_operation_is_live()
    {
        var (space, measured) = (SearchSpace.Darts, s_result.Rounds[0].Importances);
        var (all, first, second) = (measured.Grid(space, CellKind.Reduction), measured.Grid(space, CellKind.Reduction, "first"),
            measured.Grid(space, CellKind.Reduction, "second"));
        Assert.Equal(14, all.Count);
        Assert.All(all, edge => Assert.Null(edge[space.IndexOf("none")]));
        Assert.Equal(measured[CellKind.Reduction, 5, 3], all[5][3]);
        Assert.Equal(all[5][3]!.Value, first[5][3]!.Value + second[5][3]!.Value, 12);
        Assert.Contains("first, second", Assert.Throws<ArgumentException>(() => measured.Grid(space, CellKind.Normal, "third")).Message);
    }

    [Fact]
    public void Where_ranks_are_summed_the_file_says_so_and_a_whole_network_of_rank_0_has_a_grid()
    {
        double? whole = null;
        var pruned = PartialPruning.Prune(OperationMask.Full(SearchSpace.Darts), Ranks,
            new PruningOptions { OperationsPerRound = 4, Sum = ImportanceSum.Ranks }, ["own"]);
        var json = new PruningResult(pruned.Start, pruned.Rounds).ToJson();
        Assert.Contains("\"sum\": \"ranks\"", json, StringComparison.Ordinal);
        Assert.Contains("\"sum\": \"relative changes\"", s_result.ToJson(), StringComparison.Ordinal);
        var read = PruningResult.FromJson(json, SearchSpace.Darts).Rounds[0].Importances;
        Assert.Equal(ImportanceSum.Ranks, read.Sum);
        Assert.Equal(-read.Candidates[0].Ranks[0], read.Grid(SearchSpace.Darts, CellKind.Normal, "own")[0][read.Candidates[0].Operation]);
        Assert.Contains("sum 'means'; expected 'relative changes' or 'ranks'", Assert.Throws<FormatException>(() => PruningResult.FromJson(
            json.Replace("\"sum\": \"ranks\"", "\"sum\": \"means\"", StringComparison.Ordinal), SearchSpace.Darts)).Message);

        double[] Ranks(OperationMask mask)
        {
            var sum = mask.AllLive.Sum(j => j.Operation * j.Edge % 5 + 0.1);
            whole ??= sum;
            return [sum - whole.Value];
        }
    }

    // Ranks that anything can be told apart by; no network is needed.
    private static PruningResult Result()
    {
        var pruned = PartialPruning.Prune(OperationMask.Full(SearchSpace.Darts), Ranks,
            new PruningOptions { Level = 0, OperationsPerRound = 2 }, ["first", "second"]);
        return new PruningResult(pruned.Start, pruned.Rounds)
        {
            Images = 96, LastOperations = PartialPruning.Importances(pruned.Mask, Ranks, ["first", "second"]),
            Genotype = pruned.Mask.ReadGenotype((_, edge, row) => edge + row),
        };

        static double[] Ranks(OperationMask mask) =>
            [100 + mask.AllLive.Sum(j => 0.01 * j.Operation + 0.003 * j.Edge + (int)j.Kind),
                -7 - mask.AllLive.Sum(j => j.Operation * j.Edge % 5 + 0.1)];
    }
}
