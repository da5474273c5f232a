using Spectre.Console;
using ZeroOneShot.Report;

namespace ZeroOneShot.Tool.Output;

/// <summary>Which classes a model takes for which, as a table: a matrix, or the worst pairs of very many classes.</summary>
internal static class Confusion
{
    private const int Columns = 120, MostClasses = 20, WorstPairs = 10;

    public static void Write(TestSummary summary)
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = Columns;
        var isMatrix = summary.Classes.Count <= MostClasses;
        if (!isMatrix && !summary.WorstPairs(1).Any())
            return;
        Console.Out.WriteLine(isMatrix
            ? "Confusion matrix: rows are the true classes, columns the predicted ones."
            : "The most confused pairs of classes:");
        AnsiConsole.Write(isMatrix ? Matrix(summary) : Pairs(summary));
    }

    private static Table Matrix(TestSummary summary)
    {
        var classes = summary.Classes;
        var nameLength = Math.Min(classes.Max(of => of.Name.Length), 16);
        var width = (Math.Min(Columns, AnsiConsole.Profile.Width) - nameLength - 8) / classes.Count - 1;
        var table = New().AddColumn(Names("").NoWrap());
        foreach (var of in classes)
            table.AddColumn(Numbers(Cut(of.Name, Math.Clamp(width, 3, 7))));
        table.AddColumn(Numbers("recall"));
        foreach (var (label, of) in classes.Index())
        {
            var row = Enumerable.Range(0, classes.Count).Select(predicted => summary.Count(label, predicted));
            table.AddRow([Cut(of.Name, nameLength), .. row.Select(count => count == 0 ? "." : $"{count}"),
                of.Recall is { } recall ? FormattableString.Invariant($"{recall:0.00}") : "-"]);
        }
        return table;
    }

    private static Table Pairs(TestSummary summary)
    {
        var table = New().AddColumn(Names("true class")).AddColumn(Names("taken for")).AddColumn(Numbers("images"));
        foreach (var (label, predicted, images) in summary.WorstPairs(WorstPairs))
        {
            table.AddRow(Terminal.Escaped(summary.Classes[label].Name),
                Terminal.Escaped(summary.Classes[predicted].Name), $"{images} of {summary.Classes[label].Images}");
        }
        return table;
    }

    private static TableColumn Names(string header) => new TableColumn(header).Padding(0, 0, 1, 0);

    private static Table New() => new Table().Border(TableBorder.None);

    // Without a border, Spectre.Console pads columns on their right only.
    private static TableColumn Numbers(string header) => new TableColumn(header).RightAligned().NoWrap().Padding(0, 0, 1, 0);

    private static string Cut(string name, int length) =>
        Terminal.Escaped(name.Length <= length ? name : name[..length]);
}
