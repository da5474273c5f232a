using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using ZeroOneShot.Data;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks;

/// <summary>The shape of the supernet: images are 32x32 with 3 channels, of 10 classes.</summary>
internal readonly record struct Shape(int Channels, int Cells);

/// <summary>
/// One measurement of a search step, taken in a process of its own. Operations are the live ones of every edge; by default all, or half of
/// them where the method prunes. Vectors are the widest, in bits, that the process may use; by default the processor's. The space is one of
/// <see cref="SearchSpace.All"/>; null is that of DARTS.
/// </summary>
internal sealed record Measurement(
    string Method, string Evaluation, int Batch, int Channels, int Cells, int Repetitions, int ImageSize = 32, int? Operations = null,
    int? Vectors = null, string? Space = null)
{
    public const int Classes = 10;

    public const string Command = "measure", PlainPlanar = "plain-nchw", PlainChannelsLast = "plain-channels-last", Lean = "lean",
        LeanBFloat16 = "lean-bfloat16";

    public const string LibraryAllocator = "library", GlibcAllocator = "glibc";

    // The first step makes optimizer states and loads code; what is called often is compiled anew in the seconds after it.
    private const int WarmUpSteps = 2;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(5);

    private const string DefaultAllocator = "ZEROONESHOT_DEFAULT_ALLOCATOR";

    public static IReadOnlyList<string> Evaluations { get; } = [PlainPlanar, PlainChannelsLast, Lean, LeanBFloat16];

    public static IReadOnlyList<string> Allocators { get; } = [LibraryAllocator, GlibcAllocator];

    /// <summary>
    /// Seconds are medians, those of the processor over all threads and both steps, which other programs hardly change; the peak is what
    /// the process grew by over its size with the networks built, its two batches of images included; null where the system does not tell.
    /// In use is the memory of features that was at the same time, at most, held that which was held for them; null where libtorch's
    /// allocator has them.
    /// </summary>
    internal sealed record Result(
        double? PeakMiB, double? BuiltMiB, double ArchitectureSeconds, double WeightsSeconds, double ProcessorSeconds, double? InUseMiB,
        double? HeldMiB)
    {
        public static Result Of(double? peak, double? built, double architecture, double weights, double processor)
        {
            const double mib = 1 << 20;
            return FeatureMemory.IsOn
                ? new Result(peak, built, architecture, weights, processor, FeatureMemory.Largest / mib, FeatureMemory.Held / mib)
                : new Result(peak, built, architecture, weights, processor, null, null);
        }

        public string ToJson() => JsonSerializer.Serialize(this);

        public static Result Parse(string json) => JsonSerializer.Deserialize<Result>(json)!;
    }

    public static Measurement Parse(string json) => JsonSerializer.Deserialize<Measurement>(json)!;

    /// <summary>
    /// The peak of one step, in a process in which freed memory goes back to the system at once: the peak is that of live memory,
    /// whatever the allocator setting.
    /// </summary>
    public double? PeakInProcess() => (this with { Repetitions = 0 }).MemoryInProcess().PeakMiB;

    /// <summary>The same for as many steps as are asked for.</summary>
    public Result MemoryInProcess() => TakeInProcess(GiveFreedMemoryBack);

    /// <summary>Has a process give freed memory back to the system at once.</summary>
    public static void GiveFreedMemoryBack(IDictionary<string, string?> environment)
    {
        environment[DefaultAllocator] = "1";
        environment["MALLOC_ARENA_MAX"] = "1";
        environment["MALLOC_MMAP_THRESHOLD_"] = environment["MALLOC_TRIM_THRESHOLD_"] = "65536";
    }

    /// <summary>The time of a step, in a process with the library's allocator setting or with glibc's own.</summary>
    public Result TimeInProcess(string allocator) =>
        TakeInProcess(environment => environment[DefaultAllocator] = allocator == GlibcAllocator ? "1" : "0");

    /// <summary>Starts this program again for the measurement.</summary>
    private Result TakeInProcess(Action<IDictionary<string, string?>> set) =>
        TakeInProcess(Command, JsonSerializer.Serialize(this), environment =>
    {
        set(environment);
        if (Vectors is { } bits)
            Machine.Limit(environment, bits);
    });

    /// <summary>Starts this program again for a measurement.</summary>
    public static Result TakeInProcess(string command, string json, Action<IDictionary<string, string?>> set) =>
        Result.Parse(OutputOfProcess(command, json, set));

    /// <summary>Starts this program again for a measurement, and gives the last line that it prints.</summary>
    public static string OutputOfProcess(string command, string json, Action<IDictionary<string, string?>> set)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(Measurement).Assembly.Location);
        start.ArgumentList.Add(command);
        start.ArgumentList.Add(json);
        set(start.Environment);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]
            : throw new InvalidOperationException($"{json} ended with {process.ExitCode}: {errors.Result}");
    }

    /// <summary>Takes the measurement in this process.</summary>
    public Result Take()
    {
        TorchRuntime.EnsureLoaded();
        if (Vectors is { } bits && bits != Registers.Bits)
            throw new InvalidOperationException($"Found {Machine.Vectors(Registers.Bits)}; expected {Machine.Vectors(bits)}.");
        MemoryLayout.Planar = Evaluation == PlainPlanar;
        var (mask, options) = (Mask, Options);
        using var supernet = new Supernet(mask, options.Supernet.WithStem(mask.Space, Images), Images.Channels, Classes);
        using var architecture = new ArchitectureParameters(mask, options.Supernet.EdgeNormalization);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(1, "architecture"))
            architecture.Initialize(random);
        using var step = new BilevelStep(supernet, architecture, options);

        var before = ResetPeak();
        using var inputs = RandomStream.Of(1, "images");
        using var searchImages = randn([Batch, Images.Channels, Images.Height, Images.Width], generator: inputs.Generator);
        using var trainImages = randn_like(searchImages);
        using var labels = randint(Classes, Batch, generator: inputs.Generator);
        var architectureSeconds = new List<double>();
        var weightsSeconds = new List<double>();
        var processorSeconds = new List<double>();
        using var process = Process.GetCurrentProcess();
        void Step(int i)
        {
            var moment = new SearchMoment(Epoch: 1, Epochs: 2, Step: i);      // half way: all terms of the loss count
            process.Refresh();
            var used = process.TotalProcessorTime;
            var start = Stopwatch.GetTimestamp();
            step.ArchitectureStep(searchImages, labels, moment);
            architectureSeconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            start = Stopwatch.GetTimestamp();
            step.WeightsStep(trainImages, labels, moment);
            weightsSeconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            process.Refresh();
            processorSeconds.Add((process.TotalProcessorTime - used).TotalSeconds);
        }
        Range timed = 0..;
        if (Repetitions == 0)
            Step(0);                                                          // memory: one step, the first
        else
            timed = Repeat(Repetitions, Step)..;
        return Result.Of(StatusMiB("VmHWM") - before, before, Median(architectureSeconds[timed]), Median(weightsSeconds[timed]),
            Median(processorSeconds[timed]));
    }

    /// <summary>
    /// Takes steps of warm-up, at least two and for at least five seconds, then as many as are to be timed; gives how many were of warm-up.
    /// </summary>
    public static int Repeat(int repetitions, Action<int> step)
    {
        var start = Stopwatch.GetTimestamp();
        var warmUp = 0;
        while (warmUp < WarmUpSteps || Stopwatch.GetElapsedTime(start) < s_warmUp)
            step(warmUp++);
        for (var i = 0; i < repetitions; i++)
            step(warmUp + i);
        return warmUp;
    }

    /// <summary>The size of the images.</summary>
    [JsonIgnore]
    public ImageShape Images => new(3, ImageSize, ImageSize);

    /// <summary>The settings of the search.</summary>
    [JsonIgnore]
    public SearchOptions Options => SearchMethod.Parse(Method).Apply(new SearchOptions
    {
        Supernet = new SupernetOptions { Channels = Channels, Cells = Cells },
        BatchSize = Batch,
        Evaluation = Evaluation is Lean or LeanBFloat16 ? SupernetEvaluation.Lean : SupernetEvaluation.Plain,
        BFloat16Activations = Evaluation == LeanBFloat16,
    });

    /// <summary>
    /// The live operations: of every edge as many of those that it allows, always the same, and none of them <c>none</c> of DARTS unless
    /// all are live.
    /// </summary>
    [JsonIgnore]
    public OperationMask Mask
    {
        get
        {
            var space = Space is null ? SearchSpace.Darts : SearchSpace.Named(Space);
            if (Operations is null && SearchMethod.Parse(Method).Pruning == PruningKind.None)
                return OperationMask.Full(space);
            using var stream = RandomStream.Of(1, "benchmark mask");
            var live = space.Kinds.ToDictionary(kind => kind, kind => Enumerable.Range(0, space.Topology.EdgeCount).Select(edge =>
            {
                var allowed = Enumerable.Range(0, space.Operations.Count).Where(row => space.Allows(kind, edge, row)).ToArray();
                return allowed.Where(row => space.Operations[row].CanBeChosen).OrderBy(_ => stream.Random.Next())
                    .Take(Operations ?? Math.Max(1, allowed.Length / 2)).ToHashSet();
            }).ToArray());
            return OperationMask.Create(space, (kind, edge, row) => live[kind][edge].Contains(row));
        }
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Forgets the largest resident size so far.</summary>
    /// <returns>The present one, in MiB.</returns>
    public static double? ResetPeak()
    {
        if (!OperatingSystem.IsLinux())
            return null;
        GC.Collect();
        File.WriteAllText("/proc/self/clear_refs", "5");
        return StatusMiB("VmRSS");
    }

    public static double? StatusMiB(string field) => !OperatingSystem.IsLinux() ? null : double.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal)).Split((char[])[' ', '\t'],
            StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
}
