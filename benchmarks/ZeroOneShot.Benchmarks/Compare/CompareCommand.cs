using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace ZeroOneShot.Benchmarks.Compare;

/// <summary>Contenders on the same images in the same time, each run in a process of its own.</summary>
internal static class CompareCommand
{
    private const string Child = "compare-one";

    /// <param name="Contender">Its name.</param>
    /// <param name="Data">Where the images are.</param>
    /// <param name="ImageSize">Pixels a side, of images of a folder.</param>
    /// <param name="Images">No more images than these; null for all.</param>
    /// <param name="Minutes">The time.</param>
    /// <param name="Seed">The seed.</param>
    private sealed record Case(string Contender, string Data, int ImageSize, int? Images, double Minutes, long Seed);

    private sealed record Row(
        [property: JsonPropertyName("contender")] string Contender,
        [property: JsonPropertyName("seed")] long Seed,
        [property: JsonPropertyName("minutes")] double Minutes,
        [property: JsonPropertyName("accuracy")] double Accuracy,
        [property: JsonPropertyName("seconds")] double Seconds,
        [property: JsonPropertyName("epochs")] double? Epochs,
        [property: JsonPropertyName("note")] string Note);

    public static IReadOnlyList<Command> All()
    {
        var data = ComparedImages.Option();
        var minutes = new Option<double>("--minutes") { Description = "Minutes of every run.", DefaultValueFactory = _ => 5 };
        minutes.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && double.TryParse(token.Value, CultureInfo.InvariantCulture, out var number)
                && number is not (> 0 and < 1e5))
            {
                result.AddError($"--minutes is {token.Value}; expected a number above 0.");
            }
        });
        var (seeds, size, images, json) = (Options.Count("--seeds", "Runs of each, from seeds 1, 2 and so on", 3),
            Options.Count("--image-size", "Pixels a side that images of a folder are scaled to", 32),
            Options.Perhaps("--images", "No more images to train on, and to test on, than these"), Options.Json());
        var contenders = Options.Among("--contenders", "Who takes part", [.. Contenders.All.Keys], [.. Contenders.All.Keys]);
        var compare = new Command("compare", "Accuracy in the same time: this library's trainer, given architectures, networks of " +
            "libtorch's layers, and ML.NET's own trainers on pixels.") { data, minutes, seeds, contenders, size, images, json };
        compare.SetAction(parsed => Run(
            [.. parsed.GetRequiredValue(contenders).Distinct()], parsed.GetValue(seeds), parsed.GetValue(json),
            (contender, seed) => new Case(contender, Path.GetFullPath(parsed.GetRequiredValue(data)), parsed.GetValue(size),
                parsed.GetValue(images), parsed.GetValue(minutes), seed)));

        var one = new Argument<string>("case");
        var child = new Command(Child, "What compare runs in processes of its own.") { one };
        child.Hidden = true;
        child.SetAction(parsed => Console.WriteLine(JsonSerializer.Serialize(
            Take(JsonSerializer.Deserialize<Case>(parsed.GetRequiredValue(one))!))));
        return [compare, child];
    }

    private static Row Take(Case of)
    {
        var (train, test) = ComparedImages.Read(of.Data, of.ImageSize, of.Images);
        var outcome = Contenders.All[of.Contender](new Contenders.Setting(train, test, TimeSpan.FromMinutes(of.Minutes), of.Seed));
        return new Row(
            of.Contender, of.Seed, of.Minutes, outcome.Accuracy, outcome.Time.TotalSeconds, outcome.Epochs, outcome.Note);
    }

    private static void Run(string[] contenders, int seeds, FileInfo? json, Func<string, long, Case> make)
    {
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 120);
        Console.WriteLine(Machine.Line($"{make("", 0).Minutes} minutes a run, {seeds} seed{(seeds == 1 ? "" : "s")}."));
        var rows = new List<Row>();
        // Seed by seed, so that whoever stops it has all contenders.
        foreach (var (seed, contender) in Enumerable.Range(1, seeds).SelectMany(seed => contenders.Select(name => (seed, name))))
        {
            var row = JsonSerializer.Deserialize<Row>(
                Measurement.OutputOfProcess(Child, JsonSerializer.Serialize(make(contender, seed)), _ => { }))!;
            rows.Add(row);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{row.Contender}, seed {row.Seed}: {row.Accuracy:P2} in {row.Seconds:0} s, {row.Note}"));
            JsonRows.Write(json, rows);
        }
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])["contender", "accuracy, %", "deviation", "n", "seconds", "epochs", "seed 1"])
            table.AddColumn(column);
        foreach (var of in rows.GroupBy(row => row.Contender).OrderByDescending(of => of.Average(row => row.Accuracy)))
        {
            table.AddRow([.. ((object[])[of.Key, $"{100 * of.Average(row => row.Accuracy):F2}", Deviation(of), of.Count(),
                $"{of.Average(row => row.Seconds):F0}", of.First().Epochs is null ? "" : $"{of.Average(row => row.Epochs):F1}",
                of.First().Note]).Select(cell => $"{cell}")]);
        }
        AnsiConsole.Write(table);
    }

    // Of a sample; of one run there is none.
    private static string Deviation(IEnumerable<Row> rows)
    {
        double[] values = [.. rows.Select(row => 100 * row.Accuracy)];
        return values.Length < 2 ? ""
            : $"{Math.Sqrt(values.Sum(value => Math.Pow(value - values.Average(), 2)) / (values.Length - 1)):F2}";
    }
}
