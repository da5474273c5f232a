using System.Globalization;
using Spectre.Console;
using ZeroOneShot.ML;

namespace ImageSearch;

/// <summary>What the reader of the output is told before and after the work.</summary>
internal static class Report
{
    public static void Start(RunSettings settings, Preset preset, ImageData data)
    {
        Console.WriteLine($"Data:   {data.Description}.");
        Console.WriteLine($"Method: {settings.Method}, preset {preset.Name}, seed {settings.Seed}.");
        Console.WriteLine($"Work:   search {preset.Search.Epochs} epochs of {preset.Search.Supernet.Channels} channels and {preset.Search.Supernet.Cells} cells, " +
            $"batch {preset.Search.BatchSize}; train {preset.Train.Epochs} epochs of {preset.Train.Network.Channels} channels and " +
            $"{preset.Train.Network.Cells} cells, batch {preset.Train.BatchSize}.");
    }

    public static void End(CellNetTransformer network, Evaluation evaluation, double linearAccuracy, ResultFiles files)
    {
        Console.WriteLine();
        Console.WriteLine($"Found after pruning to {network.Mask}:");
        Console.WriteLine(network.Genotype);
        Console.WriteLine();
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = Confusion.Columns;
        AnsiConsole.Write(Confusion.Table(evaluation));
        Console.WriteLine();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Test accuracy: {evaluation.Accuracy:0.0000} of {evaluation.Predictions.Count} images (a linear classifier of the same pixels: {linearAccuracy:0.0000})."));
        Console.WriteLine($"Written: {string.Join(", ", files.Written)}.");
        Console.WriteLine($"Next:    dotnet run -c Release --project samples/Predict -- {files.Model} IMAGE.png");
    }
}
