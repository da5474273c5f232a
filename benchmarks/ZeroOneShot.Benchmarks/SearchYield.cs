using System.CommandLine;
using System.Globalization;
using System.Text;
using ZeroOneShot.Data;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Yardstick;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Benchmarks;

/// <summary>What a search without training finds, by the yardstick: percentiles among random genotypes.</summary>
internal static class SearchYield
{
    /// <param name="Functions">The ranking functions, whose ranks are summed.</param>
    /// <param name="Seed">Of the search.</param>
    /// <param name="Candidates">How many genotypes were ranked.</param>
    /// <param name="Accuracy">The yardstick's accuracy of the chosen genotype, in percent.</param>
    /// <param name="Percentile">Its percentile among random genotypes of the space.</param>
    /// <param name="SpaceMean">Mean accuracy of the candidates, which is that of the space they were drawn from.</param>
    internal sealed record Row(string Functions, long Seed, int Candidates, double Accuracy, double Percentile, double SpaceMean);

    public static Command Command(Option<FileInfo?> json, Option<DirectoryInfo> data)
    {
        var command = new Command("search-yield", "What a search without training finds on CIFAR-10, by the yardstick.");
        var table = new Option<FileInfo?>("--nasbench201")
        {
            Description = "The table of all NAS-Bench-201 networks' accuracies: searches that space in place of DARTS, by true accuracies.",
        };
        var functions = new Option<string[]>("--functions")
        {
            Description = "Sets of ranking functions, names with + between them.", AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => ["swap+az-expressivity+skip-connections+shallowness"],
        };
        var (candidates, seeds, batch, draws, channels, cells) = (Options.Count("--candidates", "Genotypes", 100),
            Options.Count("--seeds", "Searches, each from a seed of its own", 5), Options.Count("--batch", "Images", 16),
            Options.Count("--initializations", "Random weights, over which a function's values are averaged", 1),
            Options.Count("--channels", "Of the ranked networks", 16), Options.Count("--cells", "Of the ranked networks", 8));
        var values = new Option<FileInfo?>("--values") { Description = "A CSV file to write with the values of all candidates." };
        foreach (var option in (Option[])[functions, candidates, seeds, batch, draws, channels, cells, values, table, json, data])
            command.Add(option);
        command.SetAction((parsed, cancellationToken) =>
        {
            var images = CifarFiles.Read10(parsed.GetRequiredValue(data).FullName, CifarPart.Train);
            IYardstick yardstick = parsed.GetValue(table) is { } file ? NasBench201Table.Read(file.FullName) : AccuracySurrogate.Load();
            Run(yardstick, images, parsed.GetRequiredValue(functions), parsed.GetValue(seeds),
                new ZeroShotSearchOptions
                {
                    Candidates = parsed.GetValue(candidates),
                    Ranking = new() { BatchSize = parsed.GetValue(batch), Batches = 1, Initializations = parsed.GetValue(draws) },
                    Network = new() { Channels = parsed.GetValue(channels), Cells = parsed.GetValue(cells), AuxiliaryHead = false },
                },
                parsed.GetValue(values), parsed.GetValue(json), cancellationToken);
            return Task.FromResult(0);
        });
        return command;
    }

    private static void Run(IYardstick yardstick, ImageSet images, IReadOnlyList<string> sets, int seeds,
        ZeroShotSearchOptions options, FileInfo? values, FileInfo? json, CancellationToken cancellationToken)
    {
        // Every candidate is ranked once, by all functions of all sets.
        var names = sets.SelectMany(set => set.Split('+')).Distinct().ToList();
        options = options with { Functions = [.. names.Select(RankingFunctions.Named)] };
        Console.WriteLine(Machine.Line($"{options.Candidates} candidates of {yardstick.Space.Name}, {options.Network.Channels} channels, " +
            $"{options.Network.Cells} cells, {options.Ranking.BatchSize} CIFAR-10 images, {seeds} seeds."));
        var (rows, csv) = (new List<Row>(), new StringBuilder($"seed,accuracy,{string.Join(',', names)}\n"));
        for (var seed = 1; seed <= seeds; seed++)
        {
            var ranked = ZeroShotSearch.Run(images, OperationMask.Full(yardstick.Space), options with { Seed = seed },
                cancellationToken: cancellationToken).Candidates;
            var accuracies = yardstick.Accuracies([.. ranked.Select(candidate => candidate.Genotype)], cancellationToken);
            foreach (var (candidate, accuracy) in ranked.Zip(accuracies))
            {
                csv.Append(CultureInfo.InvariantCulture, $"{seed},{accuracy},{string.Join(',', candidate.Values.Select(value =>
                    value.ToString("R", CultureInfo.InvariantCulture)))}\n");
            }
            foreach (var set in sets)
            {
                var sums = Ranking.SumOfRanks(
                    [.. set.Split('+').Select(name => ranked.Select(at => at.Values[names.IndexOf(name)]).ToArray())]);
                var best = sums.Index().MaxBy(at => at.Item).Index;
                rows.Add(new(set, seed, ranked.Count, accuracies[best], yardstick.RandomGenotypes.Percentile(accuracies[best]),
                    accuracies.Average()));
            }
            Console.WriteLine($"seed {seed}: {string.Join(", ", rows.TakeLast(sets.Count).Select(row => $"{row.Percentile:0}"))}");
            JsonRows.Write(json, rows);
            if (values is not null)
                AtomicFile.Write(values.FullName, stream => stream.Write(Encoding.UTF8.GetBytes(csv.ToString())));
        }
        Console.WriteLine("| functions | percentile, mean | by seed | accuracy | mean of the space |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var set in rows.GroupBy(row => row.Functions))
        {
            var bySeed = string.Join(" ", set.Select(row => row.Percentile.ToString("0", CultureInfo.InvariantCulture)));
            var (percentile, accuracy, mean) = (
                set.Average(row => row.Percentile), set.Average(row => row.Accuracy), set.Average(row => row.SpaceMean));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"| {set.Key} | {percentile:0} | {bySeed} | {accuracy:0.00} | {mean:0.00} |"));
        }
    }
}
