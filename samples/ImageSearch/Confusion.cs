using Spectre.Console;

namespace ImageSearch;

/// <summary>Which classes a model takes for which, as a table: a matrix, or the worst pairs of very many classes.</summary>
internal static class Confusion
{
    private const int Columns = 120, MostClasses = 20, WorstPairs = 10;

    public static void Write(Evaluation evaluation)
    {
        var names = evaluation.ClassNames;
        var counts = new int[names.Count, names.Count];
        foreach (var prediction in evaluation.Predictions)
            counts[prediction.Label, prediction.Predicted]++;
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = Columns;
        Console.WriteLine(names.Count <= MostClasses
            ? "Confusion matrix: rows are the true classes, columns the predicted ones."
            : $"The {WorstPairs} most confused pairs of classes:");
        AnsiConsole.Write(names.Count <= MostClasses ? Matrix(names, counts) : Pairs(names, counts));
    }

    private static Table Matrix(IReadOnlyList<string> names, int[,] counts)
    {
        var nameLength = Math.Min(names.Max(name => name.Length), 16);
        var width = (Math.Min(Columns, AnsiConsole.Profile.Width) - nameLength - 8) / names.Count - 1;
        var table = New().AddColumn(Names("").NoWrap());
        foreach (var name in names)
            table.AddColumn(Numbers(Cut(name, Math.Clamp(width, 3, 7))));
        table.AddColumn(Numbers("recall"));
        foreach (var (label, name) in names.Index())
        {
            var row = Enumerable.Range(0, names.Count).Select(predicted => counts[label, predicted]).ToArray();
            table.AddRow([Cut(name, nameLength), .. row.Select(count => count == 0 ? "." : $"{count}"), Share(row[label], row.Sum())]);
        }
        return table;
    }

    private static Table Pairs(IReadOnlyList<string> names, int[,] counts)
    {
        var table = New().AddColumn(Names("true class")).AddColumn(Names("taken for")).AddColumn(Numbers("images"));
        var all = Enumerable.Range(0, names.Count);
        var pairs = all.SelectMany(label => all.Where(predicted => predicted != label), (label, predicted) => (label, predicted));
        foreach (var (label, predicted) in pairs.OrderByDescending(pair => counts[pair.label, pair.predicted]).Take(WorstPairs))
        {
            var images = all.Sum(other => counts[label, other]);
            if (counts[label, predicted] > 0)
                table.AddRow(Markup.Escape(names[label]), Markup.Escape(names[predicted]), $"{counts[label, predicted]} of {images}");
        }
        return table;
    }

    private static TableColumn Names(string header) => new TableColumn(header).Padding(0, 0, 1, 0);

    private static Table New() => new Table().Border(TableBorder.None);

    // Without a border, Spectre.Console pads columns on their right only.
    private static TableColumn Numbers(string header) => new TableColumn(header).RightAligned().NoWrap().Padding(0, 0, 1, 0);

    private static string Cut(string name, int length) => Markup.Escape(name.Length <= length ? name : name[..length]);

    private static string Share(int part, int whole) => whole == 0 ? "-" : FormattableString.Invariant($"{(double)part / whole:0.00}");
}
