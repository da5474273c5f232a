using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Benchmarks;

/// <summary>What rounding the kept activations to bfloat16 does to the course of a search.</summary>
internal static class LossCurve
{
    private const int ImagesPerClass = 200;

    internal sealed record Row(long Seed, int Epoch, double Loss, double BFloat16Loss, double Accuracy, double BFloat16Accuracy);

    /// <summary>Searches CIFAR-10 images with and without the rounding and prints both losses, epoch by epoch.</summary>
    public static void Run(DirectoryInfo data, int epochs, int seeds, Shape shape, FileInfo? json)
    {
        var images = CifarFiles.Read10(data.FullName, CifarPart.Train);
        var rows = new List<Row>();
        for (var seed = 1; seed <= seeds; seed++)
        {
            var mask = RandomPruning.Mask(SearchSpace.Darts, 0.5, seed);
            var options = SearchMethod.ZeroOneShotRandom.Apply(new SearchOptions
            {
                Supernet = new SupernetOptions { Channels = shape.Channels, Cells = shape.Cells },
                BatchSize = 64,
                Epochs = epochs,
                WarmupEpochs = 0,
                Seed = seed,
            });
            var some = images.Take(ImagesPerClass, seed);
            var exact = MaskedDartsSearch.Run(some, mask, options);
            var rounded = MaskedDartsSearch.Run(some, mask, options with { BFloat16Activations = true });
            rows.AddRange(exact.Epochs.Zip(rounded.Epochs).Select((pair, epoch) => new Row(
                seed, epoch + 1, pair.First.Loss, pair.Second.Loss, pair.First.Accuracy, pair.Second.Accuracy)));
            JsonRows.Write(json, rows);
        }
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])["seed", "epoch", "loss", "loss, bfloat16", "accuracy", "accuracy, bfloat16"])
            table.AddColumn(column);
        foreach (var row in rows)
        {
            table.AddRow($"{row.Seed}", $"{row.Epoch}", $"{row.Loss:F4}", $"{row.BFloat16Loss:F4}", $"{row.Accuracy:P1}",
                $"{row.BFloat16Accuracy:P1}");
        }
        AnsiConsole.WriteLine(Machine.Line($"{ImagesPerClass * images.ClassCount} CIFAR-10 images, {SearchMethod.ZeroOneShotRandom}, " +
            $"{shape.Channels} channels, {shape.Cells} cells; {seeds} seeds."));
        AnsiConsole.Write(table);
    }
}
