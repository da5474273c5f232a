using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks;

/// <summary>The shape of the supernet: images are 32x32 with 3 channels, of 10 classes.</summary>
internal readonly record struct Shape(int Channels, int Cells);

/// <summary>One measurement of a search step, taken in a process of its own.</summary>
internal sealed record Measurement(string Method, string Evaluation, int Batch, int Channels, int Cells, int Repetitions)
{
    public const string Command = "measure", PlainPlanar = "plain-nchw", PlainChannelsLast = "plain-channels-last", Lean = "lean",
        LeanBFloat16 = "lean-bfloat16";

    public const string LibraryAllocator = "library", GlibcAllocator = "glibc";

    // The first step makes optimizer states and loads code, in the second what is called often is compiled anew.
    private const int WarmUp = 2;

    private const string DefaultAllocator = "ZEROONESHOT_DEFAULT_ALLOCATOR";

    public static IReadOnlyList<string> Evaluations { get; } = [PlainPlanar, PlainChannelsLast, Lean, LeanBFloat16];

    public static IReadOnlyList<string> Allocators { get; } = [LibraryAllocator, GlibcAllocator];

    /// <summary>
    /// Seconds are medians; the peak is what the process grew by over the built networks, and null where the system does not tell.
    /// </summary>
    internal sealed record Result(double? PeakMiB, double ArchitectureSeconds, double WeightsSeconds)
    {
        public string ToJson() => JsonSerializer.Serialize(this);

        public static Result Parse(string json) => JsonSerializer.Deserialize<Result>(json)!;
    }

    public static Measurement Parse(string json) => JsonSerializer.Deserialize<Measurement>(json)!;

    /// <summary>
    /// The peak of one step, in a process in which freed memory goes back to the system at once: the peak is that of live memory,
    /// whatever the allocator setting.
    /// </summary>
    public double? PeakInProcess() => (this with { Repetitions = 0 }).TakeInProcess(environment =>
    {
        environment[DefaultAllocator] = "1";
        environment["MALLOC_ARENA_MAX"] = "1";
        environment["MALLOC_MMAP_THRESHOLD_"] = environment["MALLOC_TRIM_THRESHOLD_"] = "65536";
    }).PeakMiB;

    /// <summary>The time of a step, in a process with the library's allocator setting or with glibc's own.</summary>
    public Result TimeInProcess(string allocator) =>
        TakeInProcess(environment => environment[DefaultAllocator] = allocator == GlibcAllocator ? "1" : "0");

    /// <summary>Starts this program again for the measurement.</summary>
    private Result TakeInProcess(Action<IDictionary<string, string?>> set)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(Measurement).Assembly.Location);
        start.ArgumentList.Add(Command);
        start.ArgumentList.Add(JsonSerializer.Serialize(this));
        set(start.Environment);
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
        var mask = method.Pruning switch
        {
            PruningKind.None => OperationMask.Full(SearchSpace.Darts),
            PruningKind.Random => RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 1),
            _ => HalfOfEveryEdge(SearchSpace.Darts),
        };
        var options = method.Apply(new SearchOptions
        {
            Supernet = new SupernetOptions { Channels = Channels, Cells = Cells },
            BatchSize = Batch,
            Evaluation = Evaluation is Lean or LeanBFloat16 ? SupernetEvaluation.Lean : SupernetEvaluation.Plain,
            BFloat16Activations = Evaluation == LeanBFloat16,
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
        var warmUp = Repetitions == 0 ? 0 : WarmUp;                         // memory: one step, the first
        for (var i = 0; i < Math.Max(1, warmUp + Repetitions); i++)
        {
            var start = Stopwatch.GetTimestamp();
            step.ArchitectureStep(images, labels, options.BetaDecay);
            architectureSeconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            start = Stopwatch.GetTimestamp();
            step.WeightsStep(images, labels);
            weightsSeconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return new Result(StatusMiB("VmHWM") - before, Median(architectureSeconds[warmUp..]), Median(weightsSeconds[warmUp..]));
    }

    /// <summary>Four of the eight operations of every edge, always the same: what the paper's pruning leaves in number.</summary>
    private static OperationMask HalfOfEveryEdge(SearchSpace space)
    {
        using var stream = RandomStream.Of(1, "benchmark mask");
        var weights = SearchSpace.CellKinds.ToDictionary(kind => kind, _ => Enumerable.Range(0, space.Topology.EdgeCount)
            .Select(_ => Enumerable.Range(1, space.Operations.Count - 1).OrderBy(_ => stream.Random.Next())
                .Take(space.Operations.Count / 2).ToHashSet())
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
    private static double? ResetPeak()
    {
        if (!OperatingSystem.IsLinux())
            return null;
        GC.Collect();
        File.WriteAllText("/proc/self/clear_refs", "5");
        return StatusMiB("VmRSS");
    }

    private static double? StatusMiB(string field) => !OperatingSystem.IsLinux() ? null : double.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal)).Split((char[])[' ', '\t'],
            StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
}
