using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using ZeroOneShot.ML;
using ZeroOneShot.Networks;
using ZeroOneShot.Report;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tool.Data;
using ZeroOneShot.Tool.Output;

namespace ZeroOneShot.Tool.Runs;

/// <summary>Follows a run: shows it, keeps a report of it that can be watched, and its times.</summary>
internal sealed class RunWatch(RunSpecification asked, RunFolder folder, ImageData data, RunDisplay display)
    : IProgress<RunProgress>, ILogger
{
    // A report takes about as long to write as a small step.
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

    // The trainer's word, every half a minute, while there is no plan yet.
    private const string Reading = "ReadSoFar";

    private readonly Dictionary<string, double> _seconds = [];
    private readonly List<RunProgress> _course = [];
    private readonly List<string> _warnings = [];
    private ZeroOneShotPlan? _plan;
    private IReadOnlyList<StageReport>? _rescheduled;
    private long? _written;

    /// <summary>Seconds by what was done.</summary>
    public IReadOnlyDictionary<string, double> Seconds => _seconds;

    /// <summary>Fits, and shows how far it is.</summary>
    public T Fit<T>(Func<T> fit)
        where T : IDisposable
    {
        var began = Stopwatch.GetTimestamp();
        var model = display.During(fit);
        _seconds["fit"] = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return model;
    }

    /// <summary>Does other work, and keeps its time.</summary>
    public T Measure<T>(string what, Func<T> work)
    {
        var began = Stopwatch.GetTimestamp();
        var result = work();
        _seconds[what] = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return result;
    }

    /// <inheritdoc cref="Measure{T}(string, Func{T})"/>
    public void Measure(string what, Action work) => Measure(what, () =>
    {
        work();
        return true;
    });

    /// <inheritdoc/>
    void IProgress<RunProgress>.Report(RunProgress value)
    {
        display.Report(value);
        if (value.Warning is { } warning)
            _warnings.Add(warning);
        if (!value.EndsEpoch)
            return;
        _course.Add(value);
        if (_written is { } at && Stopwatch.GetElapsedTime(at) < s_interval)
            return;
        _written = Stopwatch.GetTimestamp();
        var report = Shared() with { Running = "Running: " + display.Line(value) + ".", Course = [.. _course] };
        folder.Write(folder.Report, report.ToJson());
    }

    /// <inheritdoc/>
    void ILogger.Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (state is IReadOnlyList<KeyValuePair<string, object?>> values
            && values.Select(value => value.Value).OfType<ZeroOneShotPlan>().FirstOrDefault() is { } plan)
        {
            _plan = plan;
            _warnings.AddRange(plan.Warnings);
            folder.Write(folder.Plan, plan.ToJson());
            display.Planned(plan);
        }
        else if (eventId.Name == Reading)
        {
            display.Reading(formatter(state, exception));
        }
        else if (logLevel >= LogLevel.Warning)
        {
            var warning = formatter(state, exception);
            _warnings.Add(warning);
            display.Warn(warning);
        }
    }

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    /// <summary>The report of a run that is over.</summary>
    public RunReport Report(
        CellNetTransformer network, Evaluation evaluation, NetworkCost cost, double? linear, double milliseconds)
    {
        var fit = network.Report!;
        _rescheduled = [.. fit.Stages.Where(stage => stage.Rescheduled)];
        foreach (var stage in fit.Stages)
            _seconds[Name(stage.Plan)] = stage.Time.TotalSeconds;
        return Shared() with
        {
            Stages =
            [
                .. fit.Stages.Select(stage => new StageFigures(Name(stage.Plan))
                {
                    PlannedTime = stage.Plan.Time, Time = stage.Time, PlannedMemory = stage.Plan.Memory, Memory = stage.Memory,
                }),
                .. _seconds.Where(of => of.Key is "test" or "save" or "linear").Select(of => new StageFigures(of.Key)
                {
                    Time = TimeSpan.FromSeconds(of.Value),
                }),
            ],
            Genotype = network.Genotype,
            Mask = network.Mask,
            Importances = fit.Pruning.Rounds.Count == 0 ? [] : fit.Pruning.Rounds[^1].Importances.Candidates,
            SearchEpochs = fit.Search?.Epochs ?? [],
            AlphasOfEpochs = fit.Search?.AlphasOfEpochs ?? [],
            RankedCandidates = fit.Ranked?.Candidates ?? [],
            TrainingEpochs = network.Epochs,
            BestEpoch = network.BestEpoch,
            Test = Thumbnails.Of(evaluation, data.Test),
            LinearAccuracy = linear,
            Inference = new InferenceFigures
            {
                Parameters = cost.Parameters,
                MultiplyAdds = cost.MultiplyAdds,
                FileBytes = new FileInfo(folder.Model).Length,
                Milliseconds = milliseconds,
            },
            Settings = ModelReport.SettingsOf(network.Weights.Metadata[SearchInfo.SettingsKey]),
            Versions = [.. Versions.All().Select(of => new ReportFact(of.Key, of.Value))],
        };
    }

    private RunReport Shared() => new()
    {
        Space = SearchSpace.Named(asked.Space),
        Title = Path.GetFileName(Path.TrimEndingDirectorySeparator(asked.Data)) + ", " +
            Time,
        Command = asked.Command(folder.Path, _plan is null ? null : folder.Plan),
        CommandNote = _rescheduled is null ? null : Repeats,
        Asked =
        [
            new ReportFact("Data", data.Description),
            new ReportFact("Time", asked.FollowsPlan ? $"{Time}, when its plan was made" : Time),
            new ReportFact("Memory", (_plan?.MaxMemory ?? asked.Memory) is { } bytes
                ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N0} MiB") : "three quarters of the machine's"),
            new ReportFact("Method", asked.Method),
            new ReportFact("Search space", asked.Space),
            new ReportFact("Images", $"{(data.Channels == 1 ? "grey" : "colour")}, {asked.ImageSize} x {asked.ImageSize} pixels"),
            new ReportFact("Seed", $"{asked.Seed}"),
        ],
        Warnings = [.. _warnings.Distinct()],
        Stages = _plan is null ? [] : [.. _plan.Stages.Select(stage => new StageFigures(Name(stage))
        {
            PlannedTime = stage.Time, PlannedMemory = stage.Memory,
        })],
    };

    private string Repeats => "It follows the plan of this run without a look at the clock, and gives " +
        (_rescheduled is not { Count: > 0 }
        ? "the same model, bit for bit, on the same machine with as many threads."
        : "the same model every time, on the same machine with as many threads; another one than this, which was not made " +
          $"as planned ({string.Join(", ", _rescheduled.Select(Rescheduled))}).");

    private static string Rescheduled(StageReport of) =>
        $"{Name(of.Plan)}: {of.Because ?? $"{of.Epochs} of {of.Plan.Candidates ?? of.Plan.Epochs}"}";

    private string Time => string.Create(CultureInfo.InvariantCulture, $"{asked.Minutes:0.##} minute{(asked.Minutes == 1 ? "" : "s")}");

    private static string Name(StagePlan stage) => stage.Stage.ToString().ToLowerInvariant();
}
