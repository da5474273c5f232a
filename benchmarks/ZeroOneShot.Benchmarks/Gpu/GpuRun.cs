using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Benchmarks.Gpu;

/// <summary>
/// All checks and measurements of a device, each in a process of its own with a time limit of its own, so that one that hangs, crashes or
/// runs out of memory costs its own result alone. What is known so far is on disk after every part.
/// </summary>
/// <param name="setting">Where, and at which sizes.</param>
/// <param name="output">The folder of the results.</param>
/// <param name="limit">The time of everything.</param>
/// <param name="tests">The built tests against recorded tensors; null: they are left out.</param>
/// <param name="pyTorch">PyTorch's own step; null: it is left out.</param>
/// <param name="parts">Names of the parts to run; none: all.</param>
internal sealed class GpuRun(
    Setting setting, DirectoryInfo output, TimeSpan limit, FileInfo? tests, PyTorchStep? pyTorch, IReadOnlyList<string> parts)
{
    public const string Command = "gpu-part";

    private const string Load = "load", GoldenTests = "golden";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly SortedDictionary<int, PartResult> _byPart = [];         // in the order of the parts, whatever ends first

    private IReadOnlyCollection<PartResult> Results => _byPart.Values;

    private TimeSpan Left => limit - Stopwatch.GetElapsedTime(_start);

    private sealed record Part(string Name, int Seconds, params string[] Arguments)
    {
        /// <summary>Whether nothing else may run meanwhile.</summary>
        public bool Measures { get; init; }
    }

    /// <summary>What there is to run.</summary>
    public static string[] Names { get; } = [.. Parts().Select(part => part.Name).Distinct()];

    /// <summary>What to run, the most important first: where time runs out, the rest is left out.</summary>
    private static IEnumerable<Part> Parts()
    {
        yield return new(Load, 60);
        yield return new("operations", 60);
        yield return new("precision", 40);
        yield return new("lean", 60);
        yield return Measure("search-step", SearchMethod.Darts.Name, Measurement.PlainPlanar);
        yield return Measure("search-step", SearchMethod.Darts.Name, Measurement.Lean);
        yield return Measure("search-step", SearchMethod.Darts.Name, PyTorchStep.Evaluation);
        yield return Measure("search-step", SearchMethod.ZeroOneShot.Name, Measurement.PlainPlanar);
        yield return Measure("search-step", SearchMethod.ZeroOneShot.Name, Measurement.Lean);
        yield return Measure("search-step", SearchMethod.ZeroOneShot.Name, PyTorchStep.Evaluation);
        yield return new(GoldenTests, 90);
        yield return new("out-of-memory", 40);
        yield return new("flat-memory", 60) { Measures = true };          // the driver counts all processes
        yield return new("checkpoint", 60);
        yield return new("pipeline", 60);
        foreach (var method in SearchMethod.Table1.Where(method => method != SearchMethod.Darts && method != SearchMethod.ZeroOneShot))
        {
            if (method.Pruning == PruningKind.ZeroShotToGenotype)
            {
                yield return Measure("ranking", method.Name);
                continue;
            }
            yield return Measure("search-step", method.Name, Measurement.PlainPlanar);
            yield return Measure("search-step", method.Name, Measurement.Lean);
        }
        yield return Measure("training", DeviceMeasurements.Planar);
        yield return Measure("training", DeviceMeasurements.ChannelsLast);
        yield return Measure("choice", SearchMethod.ZeroOneShot.Name);
        yield return Measure("choice", SearchMethod.Darts.Name);
        foreach (var way in DeviceMeasurements.Ways.Keys.Append(Measurement.PlainChannelsLast).Append(Measurement.LeanBFloat16))
        {
            yield return Measure("search-step", SearchMethod.ZeroOneShot.Name, way);
            if (way == DeviceMeasurements.Launched)
                yield return Measure("search-step", SearchMethod.Darts.Name, way);
        }

        static Part Measure(string name, params string[] arguments) => new(name, 45, arguments) { Measures = true };
    }

    /// <summary>Runs a part in this process.</summary>
    public static PartResult Take(string part, string[] arguments, Setting setting) => (part, arguments) switch
    {
        (Load, []) => DeviceChecks.Load(setting),
        ("precision", []) => DeviceChecks.Precision(setting),
        ("operations", []) => DeviceChecks.Operations(setting),
        ("lean", []) => DeviceChecks.Lean(setting),
        ("out-of-memory", []) => DeviceChecks.OutOfMemory(setting),
        ("flat-memory", []) => DeviceChecks.Flat(setting),
        ("checkpoint", []) => DeviceChecks.Checkpoint(setting),
        ("pipeline", []) => DeviceChecks.Pipeline(setting),
        ("choice", [var method]) => DeviceChecks.Choice(method, setting),
        ("search-step", [var method, var evaluation]) => DeviceMeasurements.SearchStep(method, evaluation, setting),
        ("ranking", [var method]) => DeviceMeasurements.Ranking(method, setting),
        ("training", [var order]) => DeviceMeasurements.Training(order, setting),
        _ => throw new ArgumentException($"Found part '{part} {string.Join(' ', arguments)}'; expected one that {nameof(GpuRun)} names."),
    };

    /// <summary>Runs everything; 0 where all parts passed, 2 where there is no such device.</summary>
    public int Run()
    {
        output.Create();
        output.Refresh();
        var chosen = Parts().Where(part => parts.Count == 0 || part.Name == Load || parts.Contains(part.Name)).ToArray();
        foreach (var part in chosen.TakeWhile(part => part.Name == Load))
            Take(part);
        if (!Results.First().Passed)
        {
            Console.Error.WriteLine($"Nothing else was run: '{setting.Device}' cannot compute here. Without a GPU, " +
                "run --device cpu --small tries everything on the processor at toy sizes.");
            return 2;
        }
        // What checks, several at once where there are processors; then what measures, by itself.
        var rest = chosen.Where(part => part.Name != Load).ToLookup(part => part.Measures);
        var atOnce = Math.Clamp(Environment.ProcessorCount / 4, 1, 4);
        Parallel.ForEach(Partitioner.Create(rest[false], EnumerablePartitionerOptions.NoBuffering),
            new() { MaxDegreeOfParallelism = atOnce }, Take);
        foreach (var part in rest[true])
            Take(part);
        var table = Table();
        Console.WriteLine();
        Console.WriteLine(table);
        return Results.All(result => result.Passed) ? 0 : 1;

        void Take(Part part)
        {
            var started = Stopwatch.GetTimestamp();
            var allowed = TimeSpan.FromSeconds(Math.Min(part.Seconds, Left.TotalSeconds));
            var result = allowed < TimeSpan.FromSeconds(2) ? Lost("left out: the time of the whole run was up") : Attempt(part, allowed);
            result = result with { Seconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 1) };
            lock (_byPart)
            {
                _byPart[Array.IndexOf(chosen, part)] = result;
                Console.WriteLine($"{(result.Passed ? "ok  " : "FAIL")} {result.Seconds,5:F1} s  {Name(result)}: {Said(result)}");
                Write();
            }

            PartResult Lost(string why) => new(part.Name, false, why)
            {
                Method = part.Arguments.FirstOrDefault(), Evaluation = part.Arguments.Skip(1).FirstOrDefault(),
            };

            PartResult Attempt(Part part, TimeSpan time)
            {
                try
                {
                    return part switch
                    {
                        { Name: GoldenTests } => Golden(time),
                        { Arguments: [var method, PyTorchStep.Evaluation] } => pyTorch is null
                            ? Lost("left out: no Python with PyTorch was named") with { Passed = true }
                            : Last(pyTorch.Python, pyTorch.Arguments(method, setting), time,
                                line => PyTorchStep.Read(method, setting, line)),
                        _ => Last(Environment.ProcessPath!,
                            [.. OwnAssembly(), Command, JsonSerializer.Serialize(setting), part.Name, .. part.Arguments], time,
                            line => JsonSerializer.Deserialize<PartResult>(line)!),
                    };
                }
                catch (Exception e) when (e is Win32Exception or JsonException or IOException)
                {
                    return Lost(e.Message);
                }
            }

            // What a process says in its last line.
            PartResult Last(string program, string[] arguments, TimeSpan time, Func<string, PartResult> read)
            {
                var (exitCode, text, errors) = InProcess(program, arguments, time);
                if (exitCode != 0)
                    Keep(Name(Lost("")), text, errors);
                if (exitCode is null)
                    return Lost($"stopped after {time.TotalSeconds:F0} s");
                return exitCode == 0 && text.Split('\n', StringSplitOptions.RemoveEmptyEntries) is [.., var last]
                    ? read(last)
                    : Lost($"ended with {exitCode}: {LastLines(errors)}");
            }
        }
    }

    /// <summary>The tests against recorded tensors of the public code, on the device.</summary>
    private PartResult Golden(TimeSpan time)
    {
        if (tests is null)
            return new PartResult("golden", false, "left out: --tests names no built ZeroOneShot.Tests");
        string[] classes = ["OperationAgreementTests", "SupernetAgreementTests", "CellNetAgreementTests"];
        var (exitCode, text, errors) = InProcess(
            tests.FullName, ["-noColor", .. classes.SelectMany(name => (string[])["-class", $"*{name}"])], time,
            ("ZEROONESHOT_TEST_DEVICE", setting.Device));
        if (exitCode != 0)
            Keep(GoldenTests, text, errors);
        var summary = text.Split('\n').LastOrDefault(line => line.Contains("Total:", StringComparison.Ordinal))?.Trim();
        return new PartResult("golden", exitCode == 0, exitCode switch
        {
            null => $"stopped after {time.TotalSeconds:F0} s",
            0 => $"primitives, supernets, cell networks against recorded tensors of the public code, double 1e-9, single 1e-4: {summary}",
            _ => $"ended with {exitCode}: {LastLines(text + errors)}",
        });
    }

    private static string[] OwnAssembly() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(GpuRun).Assembly.Location] : [];

    private static (int? ExitCode, string Output, string Errors) InProcess(
        string program, string[] arguments, TimeSpan time, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var (text, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(time))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return (null, text.Result, errors.Result);
        }
        process.WaitForExit();
        return (process.ExitCode, text.Result, errors.Result);
    }

    /// <summary>All that a part said that failed, in a file of its own: the table has no place for more than its end.</summary>
    private void Keep(string name, string text, string errors) =>
        File.WriteAllText(Path.Combine(output.FullName, name.Replace(' ', '-') + ".log"), $"{text}\n{errors}");

    private static string LastLines(string text) =>
        string.Join(" | ", text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).TakeLast(6));

    private static string Name(PartResult result) =>
        string.Join(' ', new[] { result.Part, result.Method, result.Evaluation }.OfType<string>());

    private static string Said(PartResult result) => result.PeakMiB is null ? result.Detail : string.Create(CultureInfo.InvariantCulture,
        $"peak {result.PeakMiB:F0} MiB; {result.ArchitectureSeconds:0.000} + {result.WeightsSeconds:0.000} s; {result.Detail}");

    private void Write()
    {
        var file = Path.Combine(output.FullName, "gpu.json");
        AtomicFile.Write(file, stream => JsonSerializer.Serialize(stream, new { setting, results = Results }, s_indented));
        AtomicFile.Write(Path.Combine(output.FullName, "gpu.md"), stream => stream.Write(Encoding.UTF8.GetBytes(Table())));
    }

    /// <summary>The checks, and the measurements beside the paper's.</summary>
    private string Table()
    {
        var text = new StringBuilder();
        void Line(string line) => text.Append(line).Append('\n');
        Line($"Device `{setting.Device}`{(setting.IsSmall ? ", small sizes: that it runs is all that these figures say" : "")}.");
        Line("");
        Line("| check | passed | s | |");
        Line("|---|---|---|---|");
        foreach (var result in Results.Where(result => result.PeakMiB is null))
            Line($"| {Name(result)} | {(result.Passed ? "yes" : "NO")} | {result.Seconds:F1} | {result.Detail.Replace('|', '/')} |");
        Line("");
        var shape = setting.Search;
        Line($"Search steps: {shape.Channels} channels, {shape.Cells} cells, batch {setting.SearchBatch}, images of {setting.ImageSize}.");
        Line("Peak: what the driver counts more than with the network built. Predicted: all of the device's, by SearchMemory.");
        Line("Ratios to plain DARTS here, and to DARTS in the paper.");
        Line("");
        Line("| method | evaluation | peak MiB | device MiB | predicted MiB | a step, s | 50 epochs, h " +
            "| memory / DARTS | paper | time / DARTS | paper |");
        Line("|---|---|---|---|---|---|---|---|---|---|---|");
        var darts = Results.FirstOrDefault(
            r => r.Method == SearchMethod.Darts.Name && r.Evaluation == Measurement.PlainPlanar && r.PeakMiB > 0);
        foreach (var r in Results.Where(r => r.PeakMiB is not null && r.Method is not null))
        {
            var paper = PaperTable.Row(r.Method!);
            Line($"| {r.Method} | {r.Evaluation} | {r.PeakMiB:F0} | {r.DeviceMiB:F0} | {r.PredictedMiB:F0} " +
                $"| {r.ArchitectureSeconds + r.WeightsSeconds:0.000} | {r.SearchSeconds / 3600:0.00} " +
                $"| {r.PeakMiB / darts?.PeakMiB:0.0%} | {paper.MemoryToDarts:0.0%} " +
                $"| {r.SearchSeconds / darts?.SearchSeconds:0.00} | {paper.SecondsToDarts:0.00} |");
        }
        foreach (var r in Results.Where(r => r.ImagesPerSecond is not null))
        {
            Line("");
            Line($"Training, {r.Evaluation}: {setting.Train.Channels} channels, {setting.Train.Cells} cells, batch {setting.TrainBatch}: " +
                $"{r.ImagesPerSecond:F0} images a second, peak {r.PeakMiB:F0} MiB, " +
                $"device {r.DeviceMiB:F0} MiB, predicted {r.PredictedMiB:F0} MiB.");
        }
        return text.ToString();
    }
}
