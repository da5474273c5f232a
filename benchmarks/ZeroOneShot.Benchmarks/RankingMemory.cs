using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.Benchmarks.Gpu;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// How much memory ranking functions take, each in a process of its own in which freed memory goes back to the system at once, beside a
/// step of the search on the same supernet.
/// </summary>
internal static class RankingMemory
{
    public const string Command = "ranking-memory-one";

    private const string Step = "a search step";

    /// <summary>Measures functions on the supernet of DARTS, without <c>none</c>, and on a genotype's network.</summary>
    public static void Run(IReadOnlyList<IRankingFunction> functions, Shape shape, IReadOnlyList<int> batches, FileInfo? json)
    {
        var rows = new List<Row>();
        foreach (var batch in batches)
        {
            var step = new Measurement(SearchMethod.Darts.Name, Measurement.Lean, batch, shape.Channels, shape.Cells, Repetitions: 0);
            Add(new Row(Step, "supernet", batch, step.PeakInProcess(), null));
            foreach (var function in functions)
            {
                foreach (var genotype in (string?[])[null, PublishedGenotypes.DartsV2.ToString()])
                {
                    var result = new Case(function.Name, shape.Channels, shape.Cells, ImageSize: 32, batch) { Genotype = genotype }
                        .TakeInProcess();
                    Add(new Row(
                        function.Name, genotype is null ? "supernet" : "DARTS_V2", batch, result.PeakMiB, result.ProcessorSeconds));
                }
            }
        }
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 120);
        AnsiConsole.WriteLine(Machine.Line(
            $"{shape.Channels} channels, {shape.Cells} cells, 32x32 pixels, 10 outputs; growth of the resident size over that with the " +
            "network built, and processor time, of the first network; one run each."));
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])["function", "network", "batch", "MiB", "processor s"])
            table.AddColumn(column);
        foreach (var row in rows)
            table.AddRow(row.Function, row.Network, $"{row.Batch}", $"{row.PeakMiB:F0}", $"{row.ProcessorSeconds:F1}");
        AnsiConsole.Write(table);

        void Add(Row row)
        {
            rows.Add(row);
            JsonRows.Write(json, rows);
            Console.Error.WriteLine(row);
        }
    }

    /// <summary>
    /// A function and a network: that of a genotype, of a table's space where there is one, else a supernet of DARTS without <c>none</c>.
    /// </summary>
    internal sealed record Case(string Function, int Channels, int Cells, int ImageSize, int Batch, int Batches = 1)
    {
        public string? Genotype { get; init; }

        public string? Table { get; init; }

        /// <summary>Starts this program again for the measurement.</summary>
        public Result TakeInProcess() => JsonSerializer.Deserialize<Result>(
            Measurement.OutputOfProcess(Command, JsonSerializer.Serialize(this), Measurement.GiveFreedMemoryBack))!;

        /// <summary>Takes the measurement in this process.</summary>
        public Result Take()
        {
            TorchRuntime.EnsureLoaded();
            var images = Noise.Images(Batch * Batches, ImageSize, Measurement.Classes);
            var function = new Watched(RankingFunctions.Named(Function));
            var options = new RankingOptions { BatchSize = Batch, Batches = Batches, Initializations = 1 };
            if (Genotype is null)
            {
                var mask = PartialPruning.Start(OperationMask.Full(SearchSpace.Darts), new());
                Ranking.Score(images, mask, function, options,
                    new SupernetOptions { Channels = Channels, Cells = Cells, PartialChannels = 1 });
                return function.Result;
            }
            var table = Table is null ? null : ScoredNetworks.Read(new FileInfo(Table));
            var network = (table?.Network ?? new()) with { Channels = Channels, Cells = Cells, AuxiliaryHead = false };
            Ranking.Score(images, SearchSpaces.Genotype.Parse(Genotype), function, options, network, table?.Space);
            return function.Result;
        }
    }

    /// <summary>What a process grew by over its size with network and images, and how long it computed; null where nobody tells.</summary>
    internal sealed record Result(double? PeakMiB, double ProcessorSeconds);

    private sealed class Watched(IRankingFunction function) : IRankingFunction
    {
        public string Name => function.Name;

        public bool NeedsLabels => function.NeedsLabels;

        public FunctionMemory Memory => function.Memory;

        public void Validate(RankingOptions options) => function.Validate(options);

        public Result Result { get; private set; } = new(null, 0);

        public double Rank(RankedNetwork network)
        {
            var before = Measurement.ResetPeak();
            using var process = Process.GetCurrentProcess();
            var used = process.TotalProcessorTime;
            function.Rank(network);
            process.Refresh();
            Result = new(Measurement.StatusMiB("VmHWM") - before, (process.TotalProcessorTime - used).TotalSeconds);
            return 1;                                                       // of some networks it may be no number
        }
    }

    private sealed record Row(
        [property: JsonPropertyName("function")] string Function,
        [property: JsonPropertyName("network")] string Network,
        [property: JsonPropertyName("batch")] int Batch,
        [property: JsonPropertyName("peak_mib")] double? PeakMiB,
        [property: JsonPropertyName("processor_seconds")] double? ProcessorSeconds);
}
