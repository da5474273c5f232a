using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// How far importances to first order agree with exact ones: one round in the space of DARTS by the paper's ranking function.
/// </summary>
internal static class FirstOrderAgreement
{
    /// <summary>Prunes both ways from every seed, and prints and writes what is known so far.</summary>
    /// <param name="folder">A folder with CIFAR-10; null: toy images.</param>
    /// <param name="setting">The size of network and images.</param>
    /// <param name="seeds">How many seeds.</param>
    /// <param name="json">A file for the rows.</param>
    public static void Run(DirectoryInfo? folder, Pruning.Case setting, int seeds, FileInfo? json)
    {
        var rows = new List<Row>();
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 130);
        AnsiConsole.WriteLine(Machine.Line(
            $"{(folder is null ? "Toy images" : "CIFAR-10")}, space darts without 'none', {setting.Channels} channels, " +
            $"{setting.Cells} cells, K = {setting.PartialChannels}, " +
            $"{setting.Batches} x {setting.Batch} images, {setting.Initializations} random weights, n = {seeds} seeds."));
        var images = folder is null ? Toy(setting.Batch * setting.Batches) : CifarFiles.Read10(folder.FullName, CifarPart.Train);
        for (var seed = 1; seed <= seeds; seed++)
        {
            var (exact, firstOrder) = (Round(firstOrder: false), Round(firstOrder: true));
            var (ofExact, ofFirstOrder) = (Importances(exact), Importances(firstOrder));
            var edges = exact.Importances.Candidates.GroupBy(j => (j.Kind, j.Edge)).ToArray();
            var within = edges.Average(edge => Spearman(
                [.. edge.Select(j => j.Importance)], [.. edge.Select(j => firstOrder.Importances[j.Kind, j.Edge, j.Operation])]));
            var removed = exact.Importances.Candidates.Where(j => !exact.Mask[j.Kind, j.Edge, j.Operation]).ToArray();
            var common = removed.Count(j => !firstOrder.Mask[j.Kind, j.Edge, j.Operation]);
            // Of n operations of an edge, k go: chance has k of k / n in common.
            var chance = edges.Sum(edge =>
            {
                var gone = (double)edge.Count(j => !exact.Mask[j.Kind, j.Edge, j.Operation]);
                return gone * gone / edge.Count();
            });
            rows.Add(new Row(
                folder is null ? "toy" : "cifar-10", seed, Spearman(ofExact, ofFirstOrder), within, common, removed.Length, chance));
            Console.Error.WriteLine(rows[^1]);
            JsonRows.Write(json, rows);

            PruningRound Round(bool firstOrder) => ZeroShotPruning.Prune(images, new ZeroShotPruningOptions
            {
                Supernet = new SupernetOptions
                {
                    Channels = setting.Channels, Cells = setting.Cells, PartialChannels = setting.PartialChannels,
                },
                BatchSize = setting.Batch, Batches = setting.Batches, Initializations = setting.Initializations, Seed = seed,
                FirstOrder = firstOrder, RankingFunctions = [new NngpNorm()],
            }).Rounds[0];
        }
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])["seed", "Spearman, all", "Spearman, mean of edges", "removed by both", "of", "by chance"])
            table.AddColumn(column);
        foreach (var row in rows)
        {
            table.AddRow($"{row.Seed}", $"{row.Spearman:F3}", $"{row.SpearmanOfEdges:F3}", $"{row.RemovedByBoth}", $"{row.Removed}",
                $"{row.ByChance:F1}");
        }
        AnsiConsole.Write(table);
    }

    private static double[] Importances(PruningRound round) => [.. round.Importances.Candidates.Select(j => j.Importance)];

    private static double Spearman(double[] a, double[] b)
    {
        var (x, y) = (Ranks(a), Ranks(b));
        var (meanX, meanY) = (x.Average(), y.Average());
        var (products, ofX, ofY) = (0.0, 0.0, 0.0);
        for (var i = 0; i < x.Length; i++)
        {
            products += (x[i] - meanX) * (y[i] - meanY);
            ofX += (x[i] - meanX) * (x[i] - meanX);
            ofY += (y[i] - meanY) * (y[i] - meanY);
        }
        return products / Math.Sqrt(ofX * ofY);
    }

    // Equal values share the mean of their ranks.
    private static double[] Ranks(double[] values) =>
        [.. values.Select(value => values.Count(other => other < value) + (values.Count(other => other == value) - 1) / 2.0)];

    /// <summary>Stripes across, stripes down, and squares, with noise.</summary>
    private static ImageSet Toy(int count)
    {
        var shape = new ImageShape(3, 32, 32);
        var pixels = new byte[count * shape.Size];
        using var stream = RandomStream.Of(1, "toy images");
        for (var i = 0; i < pixels.Length; i++)
        {
            var (image, row, column) = (i / shape.Size, i / shape.Width % shape.Height, i % shape.Width);
            var bright = (image % 3) switch { 0 => row % 8 < 4, 1 => column % 8 < 4, _ => (row / 8 + column / 8) % 2 == 0 };
            pixels[i] = (byte)((bright ? 150 : 50) + stream.Random.Next(50));
        }
        return new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % 3)], shape, ["across", "down", "squares"]);
    }

    private sealed record Row(
        [property: JsonPropertyName("images")] string Images,
        [property: JsonPropertyName("seed")] int Seed,
        [property: JsonPropertyName("spearman")] double Spearman,
        [property: JsonPropertyName("spearman_of_edges")] double SpearmanOfEdges,
        [property: JsonPropertyName("removed_by_both")] int RemovedByBoth,
        [property: JsonPropertyName("removed")] int Removed,
        [property: JsonPropertyName("by_chance")] double ByChance);
}
