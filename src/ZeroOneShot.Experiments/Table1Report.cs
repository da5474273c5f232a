using System.Globalization;
using System.Text;
using System.Text.Json;
using ZeroOneShot.OneShot;

namespace ZeroOneShot.Experiments;

/// <summary>A table of runs, to be written as Markdown, CSV or JSON.</summary>
/// <param name="Preset">The name of the preset that all runs share.</param>
/// <param name="CodeVersion">The version of the library that all runs share.</param>
/// <param name="Rows">A row for every method, set of images and space, whether runs of it are finished or not.</param>
/// <param name="Failures">What went wrong, a sentence for each run.</param>
public sealed record Table1Report(string Preset, string CodeVersion, IReadOnlyList<Table1Row> Rows, IReadOnlyList<string> Failures)
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, IncludeFields = true,
    };

    /// <summary>Whether all runs are finished.</summary>
    public bool IsComplete => Rows.All(row => row.Finished == row.Wanted);

    /// <summary>The table with the paper's beside it, and ratios to DARTS of both.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        void Line(string line) => text.Append(line).Append('\n');
        void Cells(params IEnumerable<string> cells) => Line($"| {string.Join(" | ", cells)} |");
        Line($"Preset `{Preset}`, library {CodeVersion}; {Rows.Sum(row => row.Finished)} of {Rows.Sum(row => row.Wanted)} runs finished.");
        Line("Mean ± standard deviation over seeds. Memory: what a process of its own grew by at its peak, in MiB.");
        foreach (var group in Rows.GroupBy(row => (row.Data, row.Space)))
        {
            var isPapers = group.Key.Space == "darts" && group.Key.Data is "cifar10" or "cifar100";
            var darts = group.FirstOrDefault(row => row.Method == SearchMethod.Darts.Name);
            var paperDarts = PaperTable1.Row(SearchMethod.Darts.Name)!;
            Line("");
            Line($"## {group.Key.Data}, space {group.Key.Space}");
            Line("");
            Cells("method", "seeds", "prune MiB", "prune s", "search MiB", "search s", "estimated %", "[interval]", "trained %", "skip %",
                "memory / DARTS", "paper", "time / DARTS", "paper", "paper's accuracy %");
            Line("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
            foreach (var row in group)
            {
                var paper = PaperTable1.Row(row.Method);
                Cells(row.Method, $"{row.Finished} of {row.Wanted}", Cell(row.PruneMiB, "F0"), Cell(row.PruneSeconds, "F1"),
                    Cell(row.SearchMiB, "F0"), Cell(row.SearchSeconds, "F1"), Cell(row.Estimated, "F2"), Interval(row),
                    Cell(row.Accuracy, "F2"), Cell(row.SkipConnections, "F0"),
                    Ratio(row.MemoryMiB?.Mean, darts?.MemoryMiB?.Mean), Ratio(paper?.MemoryMiB, paperDarts.MemoryMiB),
                    Ratio(row.Seconds?.Mean, darts?.Seconds?.Mean), Ratio(paper?.SearchSeconds, paperDarts.SearchSeconds),
                    isPapers ? Papers(paper, group.Key.Data) : "");
            }
        }
        if (Failures.Count > 0)
        {
            Line("");
            Line("Failed, to be tried again the next time:");
            Line("");
            foreach (var failure in Failures)
                Line($"- {failure.ReplaceLineEndings(" ")}");
        }
        return text.ToString();
    }

    /// <summary>The rows, one a line, with a header; empty where there is nothing.</summary>
    public string ToCsv()
    {
        var text = new StringBuilder("data,space,method,seeds_finished,seeds_wanted");
        string[] names =
        [
            "prune_mib", "prune_seconds", "search_mib", "search_seconds", "memory_mib", "seconds", "estimated_percent", "trained_percent",
            "skip_percent",
        ];
        foreach (var name in names)
            text.Append(CultureInfo.InvariantCulture, $",{name}_mean,{name}_deviation");
        text.Append(",estimated_low,estimated_high,paper_memory_mib,paper_seconds,paper_percent\n");
        foreach (var row in Rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"{row.Data},{row.Space},{row.Method},{row.Finished},{row.Wanted}");
            Spread?[] values =
            [
                row.PruneMiB, row.PruneSeconds, row.SearchMiB, row.SearchSeconds, row.MemoryMiB, row.Seconds, row.Estimated, row.Accuracy,
                row.SkipConnections,
            ];
            foreach (var value in values)
                text.Append(CultureInfo.InvariantCulture, $",{value?.Mean:G6},{value?.Deviation:G6}");
            var paper = row.Space == "darts" ? PaperTable1.Row(row.Method) : null;
            text.Append(CultureInfo.InvariantCulture, $",{row.EstimatedInterval?.Low:G6},{row.EstimatedInterval?.High:G6}");
            text.Append(CultureInfo.InvariantCulture, $",{paper?.MemoryMiB},{paper?.SearchSeconds},{Papers(paper, row.Data)}\n");
        }
        return text.ToString();
    }

    /// <summary>Everything, with the paper's rows.</summary>
    public string ToJson() => JsonSerializer.Serialize(new { Preset, CodeVersion, Rows, Paper = PaperTable1.Rows, Failures }, s_json);

    private static string Cell(Spread? spread, string format) => spread?.ToString(format) ?? "–";

    private static string Interval(Table1Row row) => row.EstimatedInterval is { } interval
        ? string.Create(CultureInfo.InvariantCulture, $"[{interval.Low:F2}, {interval.High:F2}]") : "–";

    private static string Ratio(double? value, double? of) =>
        value is { } known && of is > 0 ? (known / of.Value).ToString("P0", CultureInfo.InvariantCulture).Replace(" ", "") : "–";

    private static string Papers(PaperRow? paper, string data) => (data switch
    {
        "cifar10" => paper?.Cifar10,
        "cifar100" => paper?.Cifar100,
        _ => null,
    })?.ToString("F2", CultureInfo.InvariantCulture) ?? "";
}
