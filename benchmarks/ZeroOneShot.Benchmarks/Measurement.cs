using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks;

/// <summary>The shape of the supernet: images are 32x32 with 3 channels, of 10 classes.</summary>
internal readonly record struct Shape(int Channels, int Cells);

/// <summary>One measurement of a search step, taken in a process of its own.</summary>
internal sealed record Measurement(string Method, string Evaluation, int Batch, int Channels, int Cells, int Repetitions)
{
    public const string Command = "measure", PlainPlanar = "plain-nchw", PlainChannelsLast = "plain-channels-last", Lean = "lean";

    public static IReadOnlyList<string> Evaluations { get; } = [PlainPlanar, PlainChannelsLast, Lean];

    /// <summary>Seconds are medians; the peak is what the process grew by over the built networks.</summary>
    internal sealed record Result(double PeakMiB, double ArchitectureSeconds, double WeightsSeconds)
    {
        public string ToJson() => JsonSerializer.Serialize(this);

        public static Result Parse(string json) => JsonSerializer.Deserialize<Result>(json)!;
    }

    public static Measurement Parse(string json) => JsonSerializer.Deserialize<Measurement>(json)!;

    /// <summary>Starts this program again for the measurement, with glibc's allocator set for it.</summary>
    /// <param name="forMemory">
    /// True: freed memory goes back to the system at once, so that the peak is that of live memory. False: the library's own setting.
    /// </param>
    public Result TakeInProcess(bool forMemory)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(Measurement).Assembly.Location);
        start.ArgumentList.Add(Command);
        start.ArgumentList.Add(JsonSerializer.Serialize(this));
        if (forMemory)
        {
            start.Environment["ZEROONESHOT_DEFAULT_ALLOCATOR"] = "1";
            start.Environment["MALLOC_ARENA_MAX"] = "1";
            start.Environment["MALLOC_MMAP_THRESHOLD_"] = start.Environment["MALLOC_TRIM_THRESHOLD_"] = "65536";
        }
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? Result.Parse(output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1])
            : throw new InvalidOperationException($"{this} ended with {process.ExitCode}: {errors.Result}");
    }

    /// <summary>Takes the measurement in this process.</summary>
    public Result Take()
    {
        TorchRuntime.EnsureLoaded();
        MemoryLayout.Planar = Evaluation == PlainPlanar;
        var method = SearchMethod.Parse(Method);
        var mask = method.Pruning == PruningKind.None
            ? OperationMask.Full(SearchSpace.Darts)
            : HalfOfEveryEdge(SearchSpace.Darts);
        var options = method.Apply(new SearchOptions
        {
            Supernet = new SupernetOptions { Channels = Channels, Cells = Cells },
            BatchSize = Batch,
            Evaluation = Evaluation == Lean ? SupernetEvaluation.Lean : SupernetEvaluation.Plain,
        });
        using var supernet = new Supernet(mask, options.Supernet, 3, 10);
        using var architecture = new ArchitectureWeights(mask, options.Supernet.EdgeNormalization);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(1, "architecture"))
            architecture.Initialize(random);
        using var step = new BilevelStep(supernet, architecture, options);
        using var inputs = RandomStream.Of(1, "images");
        using var images = randn([Batch, 3, 32, 32], generator: inputs.Generator);
        using var labels = randint(10, Batch, generator: inputs.Generator);

        var before = ResetPeak();
        var architectureSeconds = new List<double>();
        var weightsSeconds = new List<double>();
        for (var i = 0; i <= Repetitions; i++)
        {
            var start = Stopwatch.GetTimestamp();
            step.ArchitectureStep(images, labels, options.BetaDecay);
            architectureSeconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            start = Stopwatch.GetTimestamp();
            step.WeightsStep(images, labels);
            weightsSeconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        var warmUp = Repetitions == 0 ? 0 : 1;
        return new Result(StatusMiB("VmHWM") - before, Median(architectureSeconds[warmUp..]), Median(weightsSeconds[warmUp..]));
    }

    /// <summary>Four of the eight operations of every edge, always the same: what the paper's pruning leaves in number.</summary>
    private static OperationMask HalfOfEveryEdge(SearchSpace space)
    {
        using var stream = RandomStream.Of(1, "benchmark mask");
        var weights = SearchSpace.CellKinds.ToDictionary(kind => kind, _ => Enumerable.Range(0, space.Topology.EdgeCount)
            .Select(_ => Enumerable.Range(1, space.Operations.Count - 1).OrderBy(_ => stream.Random.Next()).Take(space.Operations.Count / 2).ToHashSet())
            .ToArray());
        return OperationMask.Create(space, (kind, edge, row) => weights[kind][edge].Contains(row));
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Forgets the largest resident size so far.</summary>
    /// <returns>The present one, in MiB.</returns>
    private static double ResetPeak()
    {
        if (!OperatingSystem.IsLinux())
            return double.NaN;
        GC.Collect();
        File.WriteAllText("/proc/self/clear_refs", "5");
        return StatusMiB("VmRSS");
    }

    private static double StatusMiB(string field) => !OperatingSystem.IsLinux() ? double.NaN : double.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal)).Split((char[])[' ', '\t'],
            StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
}
