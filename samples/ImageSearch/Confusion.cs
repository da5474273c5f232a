using Spectre.Console;

namespace ImageSearch;

/// <summary>Which classes a model takes for which, as a table: a matrix, or the worst pairs where there are too many classes for one.</summary>
internal static class Confusion
{
    public const int Columns = 120;

    private const int MostClasses = 20, WorstPairs = 10;

    public static Table Table(Evaluation evaluation)
    {
        var names = evaluation.ClassNames;
        var counts = new int[names.Count, names.Count];
        foreach (var prediction in evaluation.Predictions)
            counts[prediction.Label, prediction.Predicted]++;
        return names.Count <= MostClasses ? Matrix(names, counts) : Pairs(names, counts);
    }

    private static Table Matrix(IReadOnlyList<string> names, int[,] counts)
    {
        var nameLength = Math.Min(names.Max(name => name.Length), 16);
        var width = (Columns - nameLength - 10) / names.Count - 1;
        var table = New().Title("Confusion matrix: rows are the true classes, columns the predicted ones").AddColumn(new TableColumn("").Padding(0, 0, 1, 0));
        foreach (var name in names)
            table.AddColumn(Numbers(Cut(name, Math.Min(width, 7))));
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
        var table = New().Title($"The {WorstPairs} most confused pairs of classes")
            .AddColumn(new TableColumn("true class").Padding(0, 0, 2, 0)).AddColumn(new TableColumn("taken for").Padding(0, 0, 2, 0)).AddColumn(Numbers("images"));
        var all = Enumerable.Range(0, names.Count);
        var worst = all.SelectMany(label => all.Where(predicted => predicted != label).Select(predicted => (label, predicted, count: counts[label, predicted])))
            .Where(pair => pair.count > 0).OrderByDescending(pair => pair.count).Take(WorstPairs);
        foreach (var (label, predicted, count) in worst)
            table.AddRow(Markup.Escape(names[label]), Markup.Escape(names[predicted]), $"{count} of {all.Sum(other => counts[label, other])}");
        return table;
    }

    private static Table New() => new Table().Border(TableBorder.None);

    private static TableColumn Numbers(string header) => new TableColumn(header).RightAligned().NoWrap().Padding(1, 0, 0, 0);

    private static string Cut(string name, int length) => Markup.Escape(name.Length <= length ? name : name[..length]);

    private static string Share(int part, int whole) => whole == 0 ? "-" : FormattableString.Invariant($"{(double)part / whole:0.00}");
}
