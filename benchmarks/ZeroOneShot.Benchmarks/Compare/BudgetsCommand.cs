using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.ML;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Benchmarks.Compare;

/// <summary>
/// Whether fits keep to their time and memory, and what more time gives, on images that are few or many, of few or many classes, unequal,
/// or of other sizes. Each runs in a process of its own.
/// </summary>
internal static class BudgetsCommand
{
    private const string Child = "budgets-one";

    private const double MiB = 1 << 20;

    /// <param name="Data">Where the images are.</param>
    /// <param name="ImageSize">Pixels a side, of images of a folder.</param>
    /// <param name="Images">No more images to train on than these; null for all.</param>
    /// <param name="Copies">How often each image to train on comes.</param>
    /// <param name="Classes">The first so many classes; where there are fewer, colours are exchanged to make more. Null for all.</param>
    /// <param name="Unequal">Each class has two thirds of the images of the one before, to train on.</param>
    /// <param name="Minutes">The time.</param>
    /// <param name="MaxMemory">The memory, in bytes; null for the default.</param>
    /// <param name="Seed">The seed.</param>
    /// <param name="OnlyPlan">Nothing but the plan is made.</param>
    private sealed record Case(string Data, int ImageSize, int? Images, int Copies, int? Classes, bool Unequal, double Minutes,
        long? MaxMemory, long Seed, bool OnlyPlan);

    private sealed record Row(
        [property: JsonPropertyName("images")] int Images,
        [property: JsonPropertyName("shape")] string Shape,
        [property: JsonPropertyName("classes")] int Classes,
        [property: JsonPropertyName("seed")] long Seed,
        [property: JsonPropertyName("minutes")] double Minutes,
        [property: JsonPropertyName("seconds")] double Seconds,
        [property: JsonPropertyName("max_memory_mib")] double MaxMemoryMiB,
        [property: JsonPropertyName("peak_resident_mib")] double PeakResidentMiB,
        [property: JsonPropertyName("channels")] int Channels,
        [property: JsonPropertyName("cells")] int Cells,
        [property: JsonPropertyName("batch")] int Batch,
        [property: JsonPropertyName("epochs")] int Epochs,
        [property: JsonPropertyName("accuracy")] double? Accuracy,
        [property: JsonPropertyName("balanced_accuracy")] double? BalancedAccuracy,
        [property: JsonPropertyName("warnings")] string[] Warnings);

    public static IReadOnlyList<Command> All()
    {
        var data = ComparedImages.Option();
        var minutes = new Option<double[]>("--minutes")
        {
            Description = "Minutes, of a fit each.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [1, 5],
        };
        minutes.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (!double.TryParse(token.Value, CultureInfo.InvariantCulture, out var number) || number is not (> 0 and < 1e5))
                    result.AddError($"--minutes is {token.Value}; expected numbers above 0.");
            }
        });
        var (seeds, size, images, json) = (Options.Count("--seeds", "Fits of each, from seeds 1, 2 and so on", 1),
            Options.Count("--image-size", "Pixels a side that images of a folder are scaled to", 32),
            Options.Perhaps("--images", "No more images to train on than these"), Options.Json());
        var (copies, classes, memory) = (Options.Count("--copies", "How often each image to train on comes", 1),
            Options.Perhaps("--classes",
                "The first so many classes; where there are fewer, colours are exchanged to make up to six times as many"),
            Options.Perhaps("--memory", "MaxMemory, in MiB; without it, the default"));
        var unequal = new Option<bool>("--unequal") { Description = "Gives every class two thirds of the images of the one before." };
        var onlyPlan = new Option<bool>("--plan") { Description = "Makes the plan, and nothing else." };
        var budgets = new Command("budgets", "Time, memory and accuracy of fits within budgets, each in a process of its own.")
        {
            data, minutes, seeds, size, images, copies, classes, unequal, memory, onlyPlan, json,
        };
        budgets.SetAction(parsed => Run(parsed.GetValue(json),
            [.. Enumerable.Range(1, parsed.GetValue(seeds)).SelectMany(seed => parsed.GetRequiredValue(minutes).Select(time => new Case(
                Path.GetFullPath(parsed.GetRequiredValue(data)), parsed.GetValue(size), parsed.GetValue(images), parsed.GetValue(copies),
                parsed.GetValue(classes), parsed.GetValue(unequal), time,
                parsed.GetValue(memory) is { } mebibytes ? mebibytes * (long)MiB : null, seed, parsed.GetValue(onlyPlan))))]));

        var one = new Argument<string>("case");
        var child = new Command(Child, "What budgets runs in processes of its own.") { one };
        child.Hidden = true;
        child.SetAction(parsed => Console.WriteLine(JsonSerializer.Serialize(
            Take(JsonSerializer.Deserialize<Case>(parsed.GetRequiredValue(one))!))));
        return [budgets, child];
    }

    private static void Run(FileInfo? json, Case[] cases)
    {
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 140);
        Console.WriteLine(Machine.Line("What a fit takes, and gives of all images to test."));
        var rows = new List<Row>();
        foreach (var of in cases)
        {
            rows.Add(JsonSerializer.Deserialize<Row>(Measurement.OutputOfProcess(Child, JsonSerializer.Serialize(of), _ => { }))!);
            JsonRows.Write(json, rows);
        }
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])["images", "shape", "classes", "seed", "minutes", "seconds", "MaxMemory, MiB", "peak, MiB",
            "channels, cells", "batch", "epochs", "accuracy, %", "mean of classes, %"])
            table.AddColumn(column);
        foreach (var row in rows)
        {
            table.AddRow([.. ((FormattableString[])[$"{row.Images}", $"{row.Shape}", $"{row.Classes}", $"{row.Seed}", $"{row.Minutes}",
                $"{row.Seconds:F1}", $"{row.MaxMemoryMiB:F0}", $"{row.PeakResidentMiB:F0}", $"{row.Channels}, {row.Cells}", $"{row.Batch}",
                $"{row.Epochs}", $"{100 * row.Accuracy:F2}", $"{100 * row.BalancedAccuracy:F2}"]).Select(FormattableString.Invariant)]);
        }
        AnsiConsole.Write(table);
        foreach (var warning in rows.SelectMany(row => row.Warnings).Distinct())
            Console.WriteLine(warning);
    }

    private static Row Take(Case of)
    {
        var (train, test) = ComparedImages.Read(of.Data, of.ImageSize, most: null);
        if (of.Classes is { } classes)
            (train, test) = (OfClasses(train, classes), OfClasses(test, classes));
        if (of.Unequal)
            train = Thinned(train);
        if (of.Images is { } most && most < train.Count)
            train = train.Split((double)most / train.Count, seed: 0).First;
        if (of.Copies > 1)
            train = train.Subset([.. Enumerable.Range(0, of.Copies * train.Count).Select(i => i % train.Count)]);
        var ml = new MLContext((int)of.Seed);
        var options = new ZeroOneShotTrainer.Options
        {
            TimeBudget = TimeSpan.FromMinutes(of.Minutes), MaxMemory = of.MaxMemory, Seed = of.Seed, ShowProgress = false,
        };
        var (trainer, start) = (ml.MulticlassClassification.Trainers.ZeroOneShot(options), TimeProvider.System.GetTimestamp());
        if (of.OnlyPlan)
            return RowOf(trainer.Plan(ml.Data.LoadImages(train)), epochs: null, accuracy: null, balanced: null);
        using var model = trainer.Fit(ml.Data.LoadImages(train));
        var row = RowOf(model.Report!.Plan, model.Epochs.Count, accuracy: null, balanced: null);
        var scored = ml.MulticlassClassification.Evaluate(model.Transform(ml.Data.LoadImages(test)));
        return row with { Accuracy = scored.MicroAccuracy, BalancedAccuracy = scored.MacroAccuracy };

        Row RowOf(ZeroOneShotPlan plan, int? epochs, double? accuracy, double? balanced) => new(
            train.Count, $"{train.Shape}", train.ClassCount, of.Seed, of.Minutes,
            TimeProvider.System.GetElapsedTime(start).TotalSeconds, plan.MaxMemory / MiB,
            (ResidentMemory.Largest ?? Environment.WorkingSet) / MiB, plan.Stages[^1].Channels, plan.Stages[^1].Cells,
            plan.Stages[^1].BatchSize, epochs ?? plan.Stages[^1].Epochs, accuracy, balanced, [.. plan.Warnings]);
    }

    /// <summary>The images of the first classes; or of more classes, whose images have other colours.</summary>
    private static ImageSet OfClasses(ImageSet images, int classes)
    {
        if (classes <= images.ClassCount)
        {
            var kept = images.Subset([.. Enumerable.Range(0, images.Count).Where(i => images.Label(i) < classes)]);
            return Made(kept, Enumerable.Range(0, kept.Count).Select(i => (i, 0)), classes);
        }
        if (images.Shape.Channels != 3 || classes > s_orders.Length * images.ClassCount)
            throw new ArgumentException($"--classes is {classes}; expected at most " +
                $"{(images.Shape.Channels == 3 ? s_orders.Length : 1)} times the {images.ClassCount} that there are.");
        return Made(images, Enumerable.Range(0, s_orders.Length).SelectMany(order => Enumerable.Range(0, images.Count)
            .Where(i => order * images.ClassCount + images.Label(i) < classes).Select(i => (i, order))), classes);
    }

    private static readonly int[][] s_orders = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1], [2, 1, 0], [1, 0, 2]];

    private static ImageSet Made(ImageSet images, IEnumerable<(int Image, int Order)> of, int classes)
    {
        var (chosen, plane) = (of.ToArray(), images.Shape.Height * images.Shape.Width);
        var pixels = new byte[(long)chosen.Length * images.Shape.Size];
        foreach (var (i, (image, order)) in chosen.Index())
        {
            for (var channel = 0; channel < images.Shape.Channels; channel++)
            {
                images.Pixels(image).Slice(s_orders[order][channel] * plane, plane)
                    .CopyTo(pixels.AsSpan(i * images.Shape.Size + channel * plane));
            }
        }
        return new ImageSet(pixels, [.. chosen.Select(at => at.Order * images.ClassCount + images.Label(at.Image))], images.Shape,
            [.. Enumerable.Range(0, classes).Select(i => i < images.ClassCount ? images.ClassNames[i]
                : $"{images.ClassNames[i % images.ClassCount]}, colours {i / images.ClassCount}")]);
    }

    private static ImageSet Thinned(ImageSet images)
    {
        var (counts, taken) = (images.ClassCounts(), new int[images.ClassCount]);
        return images.Subset([.. Enumerable.Range(0, images.Count).Where(i =>
            taken[images.Label(i)]++ < Math.Max(2, counts[images.Label(i)] * Math.Pow(2.0 / 3, images.Label(i))))]);
    }
}
