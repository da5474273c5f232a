using System.Globalization;
using ZeroOneShot.ML;
using ZeroOneShot.OneShot;

namespace ImageSearch;

/// <summary>What the reader of the output is told before and after the work.</summary>
internal static class Report
{
    public static void Start(RunSettings settings, Preset preset, ImageData data)
    {
        Console.WriteLine($"Data:   {data.Description}.");
        Console.WriteLine($"Method: {settings.Method}, preset {preset.Name}, seed {settings.Seed}.");
        var (search, train) = (preset.Search, preset.Train);
        var searching = settings.Method.Pruning == PruningKind.ZeroShotToGenotype
            ? "prune to the last operation"
            : $"search {search.Epochs} epochs (batch {search.BatchSize})";
        searching += $" with {search.Supernet.Channels} channels and {search.Supernet.Cells} cells";
        Console.WriteLine($"Work:   {searching}; " +
            $"train {train.Epochs} epochs (batch {train.BatchSize}) with {train.Network.Channels} channels and " +
            $"{train.Network.Cells} cells.");
    }

    public static void End(CellNetTransformer network, Evaluation evaluation, double linearAccuracy, ResultFiles files)
    {
        Console.WriteLine();
        Console.WriteLine($"Found after pruning to {network.Mask}:");
        Console.WriteLine(network.Genotype);
        Console.WriteLine();
        Confusion.Write(evaluation);
        Console.WriteLine();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Test accuracy: {evaluation.Accuracy:0.0000} " +
            $"({evaluation.Predictions.Count} images). A linear classifier of the same pixels: {linearAccuracy:0.0000}."));
        Console.WriteLine($"Written: {string.Join(", ", files.Written)}.");
        Console.WriteLine($"Next:    dotnet run -c Release --project samples/Predict -- {files.Model} IMAGE.png");
    }
}
