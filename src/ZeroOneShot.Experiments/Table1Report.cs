using System.Globalization;
using System.Text.Json;
using System.Text;
using ZeroOneShot.OneShot;
using ZeroOneShot.Report;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Experiments;

/// <summary>A table of runs, to be written as Markdown, CSV or JSON.</summary>
/// <param name="Preset">The name of the preset that all runs share.</param>
/// <param name="Sizes">What that preset computes, in words.</param>
/// <param name="CodeVersion">The version of the library that all runs share.</param>
/// <param name="Rows">A row for every method, set of images and space, whether runs of it are finished or not.</param>
/// <param name="Failures">What went wrong, a sentence for each run.</param>
public sealed record Table1Report(
    string Preset, string Sizes, string CodeVersion, IReadOnlyList<Table1Row> Rows, IReadOnlyList<string> Failures)
{
    private const string Unknown = "–";

    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, IncludeFields = true,
    };

    /// <summary>Whether all runs are finished.</summary>
    public bool IsComplete => Rows.All(row => row.Finished == row.Wanted);

    /// <summary>What a reader has to know of all tables.</summary>
    public IReadOnlyList<string> Notes =>
    [
        $"Preset {Preset}, library {CodeVersion}; {Rows.Sum(row => row.Finished)} of {Rows.Sum(row => row.Wanted)} runs are finished.",
        Sizes,
        "Mean ± standard deviation over seeds. Memory: what a process of its own grew by at its peak. Time: of pruning and search, by " +
            "the clock, and of all processors, which other programs on the machine hardly change. Estimated: by the surrogate (space " +
            "darts) or the table of measured networks (nas-bench-201), with the mean ends of its intervals; percentile: the share of the " +
            "space's architectures that are worse by the same means, 50 is chance.",
        .. Rows.Where(row => row.Extrapolated > 0).Select(row =>
            $"{row.Extrapolated} estimate(s) of {row.Method} ({row.Data}, space {row.Space}) are extrapolated: two edges into a node " +
            "come from the same input there, and no architecture that the surrogate knows has that."),
    ];

    /// <summary>Two tables, what the methods cost and what they found, for every set of images and space.</summary>
    public IReadOnlyList<PageTable> Tables() =>
        [.. Rows.GroupBy(row => (row.Data, row.Space)).SelectMany(group => (PageTable[])[Cost([.. group]), Found([.. group])])];

    /// <summary>The tables with the paper's figures beside them, and ratios to DARTS of both.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        void Line(string line) => text.Append(line).Append('\n');
        void Cells(IEnumerable<string> cells) => Line($"| {string.Join(" | ", cells)} |");
        foreach (var note in Notes)
        {
            Line(note);
            Line("");
        }
        foreach (var table in Tables())
        {
            Line($"## {table.Caption}");
            Line("");
            Cells(table.Columns);
            Line($"|---{string.Concat(Enumerable.Repeat("|--:", table.Columns.Count - 1))}|");
            foreach (var row in table.Rows)
                Cells(row);
            Line("");
        }
        if (Failures.Count > 0)
        {
            Line("Failed, to be tried again the next time:");
            Line("");
            foreach (var failure in Failures)
                Line($"- {failure.ReplaceLineEndings(" ")}");
        }
        return text.ToString().TrimEnd('\n') + "\n";
    }

    /// <summary>The same as a page for a browser.</summary>
    public string ToHtml() => TablePage.Of("Table 1", Notes, Failures, Tables());

    /// <summary>The rows, one a line, with a header; empty where there is nothing.</summary>
    public string ToCsv()
    {
        var text = new StringBuilder("data,space,method,seeds_finished,seeds_wanted");
        string[] names =
        [
            "prune_mib", "prune_seconds", "search_mib", "search_seconds", "memory_mib", "seconds", "processor_seconds", "estimated_percent",
            "percentile", "trained_percent", "skip_percent",
        ];
        foreach (var name in names)
            text.Append(CultureInfo.InvariantCulture, $",{name}_mean,{name}_deviation");
        text.Append(",estimated_low,estimated_high,paper_memory_mib,paper_seconds,paper_percent\n");
        foreach (var row in Rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"{row.Data},{row.Space},{row.Method},{row.Finished},{row.Wanted}");
            Spread?[] values =
            [
                row.PruneMiB, row.PruneSeconds, row.SearchMiB, row.SearchSeconds, row.MemoryMiB, row.Seconds, row.ProcessorSeconds,
                row.Estimated, row.Percentile, row.Accuracy, row.SkipConnections,
            ];
            foreach (var value in values)
                text.Append(CultureInfo.InvariantCulture, $",{value?.Mean:G6},{value?.Deviation:G6}");
            var paper = row.Space == SearchSpace.Darts.Name ? PaperTable1.Row(row.Method) : null;
            text.Append(CultureInfo.InvariantCulture, $",{row.EstimatedInterval?.Low:G6},{row.EstimatedInterval?.High:G6}");
            text.Append(CultureInfo.InvariantCulture, $",{paper?.MemoryMiB},{paper?.SearchSeconds},{PaperAccuracy(row)}\n");
        }
        return text.ToString();
    }

    /// <summary>Everything, with the paper's rows.</summary>
    public string ToJson() =>
        JsonSerializer.Serialize(new { Preset, Sizes, CodeVersion, Rows, Paper = PaperTable1.Rows, Failures }, s_json);

    private static PageTable Cost(IReadOnlyList<Table1Row> rows)
    {
        var (isPapers, papersDarts) = (rows[0].Space == SearchSpace.Darts.Name, PaperTable1.Row(SearchMethod.Darts.Name)!);
        var darts = rows.FirstOrDefault(row => row.Method == SearchMethod.Darts.Name);
        string[] memory = ["prune MiB", "search MiB", "memory / DARTS"], time = ["prune s", "search s", "time / DARTS"];
        string[] processors = ["processor s", "processor time / DARTS"], paper = ["the paper's"];
        return new($"What it costs: {rows[0].Data}, space {rows[0].Space}",
            ["method", "runs", .. memory, .. isPapers ? paper : [], .. processors, .. time, .. isPapers ? paper : []],
            [.. rows.Select(row =>
            {
                var papers = PaperTable1.Row(row.Method);
                return (string[])
                [
                    row.Method, $"{row.Finished} of {row.Wanted}", Cell(row.PruneMiB, "F0"), Cell(row.SearchMiB, "F0"),
                    Ratio(row.MemoryMiB?.Mean, darts?.MemoryMiB?.Mean), .. Papers(Ratio(papers?.MemoryMiB, papersDarts.MemoryMiB)),
                    Cell(row.ProcessorSeconds, "F1"), Ratio(row.ProcessorSeconds?.Mean, darts?.ProcessorSeconds?.Mean),
                    Cell(row.PruneSeconds, "F1"), Cell(row.SearchSeconds, "F1"),
                    Ratio(row.Seconds?.Mean, darts?.Seconds?.Mean), .. Papers(Ratio(papers?.SearchSeconds, papersDarts.SearchSeconds)),
                ];
            })]);

        string[] Papers(string cell) => isPapers ? [cell] : [];
    }

    private static PageTable Found(IReadOnlyList<Table1Row> rows)
    {
        var isPapers = rows[0].Space == SearchSpace.Darts.Name && rows.Any(row => PaperAccuracy(row) is not null);
        string[] columns = ["method", "runs", "estimated %", "interval", "percentile", "skip connections %", "trained here %"];
        return new($"What it finds: {rows[0].Data}, space {rows[0].Space}",
            isPapers ? [.. columns, "the paper's %"] : columns,
            [.. rows.Select(row => (string[])
            [
                row.Method, $"{row.Finished} of {row.Wanted}", Cell(row.Estimated, "F2"), Interval(row), Cell(row.Percentile, "F0"),
                Cell(row.SkipConnections, "F0"), Cell(row.Accuracy, "F2"),
                .. isPapers ? (string[])[PaperAccuracy(row)?.ToString("F2", CultureInfo.InvariantCulture) ?? Unknown] : [],
            ])]);
    }

    private static string Cell(Spread? spread, string format) => spread?.ToString(format) ?? Unknown;

    private static string Interval(Table1Row row) => row.EstimatedInterval is { } interval && interval.Low < interval.High
        ? string.Create(CultureInfo.InvariantCulture, $"{interval.Low:F2} to {interval.High:F2}") : Unknown;

    private static string Ratio(double? value, double? of) =>
        value is { } known && of is > 0 ? (known / of.Value).ToString("P0", CultureInfo.InvariantCulture).Replace(" ", "") : Unknown;

    private static double? PaperAccuracy(Table1Row row) => (row.Space == SearchSpace.Darts.Name ? row.Data : null) switch
    {
        "cifar10" => PaperTable1.Row(row.Method)?.Cifar10,
        "cifar100" => PaperTable1.Row(row.Method)?.Cifar100,
        _ => null,
    };
}
