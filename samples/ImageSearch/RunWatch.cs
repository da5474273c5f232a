using System.Diagnostics;
using Spectre.Console;
using ZeroOneShot.Runtime;

namespace ImageSearch;

/// <summary>Shows how far the run is, and keeps the seconds of every stage.</summary>
internal sealed class RunWatch : IProgress<RunProgress>
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Dictionary<string, double> _seconds = Enum.GetValues<RunStage>().ToDictionary(Name, _ => 0.0);
    private IProgress<RunProgress>? _display;
    private RunStage? _stage;
    private TimeSpan _stageBegan, _lastReport;

    /// <summary>Seconds by stage: prune, search and train (0 where the method leaves the stage out), then what was measured.</summary>
    public IReadOnlyDictionary<string, double> Seconds => _seconds;

    /// <summary>Fits the pipeline whose stages report here. Reading the images counts to the stage for which they are read.</summary>
    public T Fit<T>(Func<T> fit)
    {
        (_stage, _stageBegan) = (null, _watch.Elapsed);
        var result = Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive
            ? Fit(new LineProgress(Console.Out), fit)
            : LiveProgress.During(display => Fit(display, fit));
        _lastReport = _watch.Elapsed;
        CloseStage();
        return result;
    }

    /// <summary>Does other work.</summary>
    public T Measure<T>(string stage, Func<T> work)
    {
        var began = _watch.Elapsed;
        var result = work();
        _seconds[stage] = (_watch.Elapsed - began).TotalSeconds;
        return result;
    }

    /// <inheritdoc cref="Measure{T}(string, Func{T})"/>
    public void Measure(string stage, Action work) => Measure(stage, () =>
    {
        work();
        return true;
    });

    /// <inheritdoc/>
    public void Report(RunProgress value)
    {
        if (value.Stage != _stage)
        {
            CloseStage();
            _stage = value.Stage;
        }
        _lastReport = _watch.Elapsed;
        _display?.Report(value);
    }

    private static string Name(RunStage stage) => stage.ToString().ToLowerInvariant();

    private T Fit<T>(IProgress<RunProgress> display, Func<T> fit)
    {
        _display = display;
        return fit();
    }

    // A stage ends with its last report; what follows belongs to the next.
    private void CloseStage()
    {
        if (_stage is not { } stage)
            return;
        _seconds[Name(stage)] = (_lastReport - _stageBegan).TotalSeconds;
        _stageBegan = _lastReport;
    }
}
