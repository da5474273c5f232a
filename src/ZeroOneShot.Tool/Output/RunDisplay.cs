using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using ZeroOneShot.ML;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tool.Output;

/// <summary>
/// How far a fit is: a live line over all stages with the time left for a terminal; for a file a line at the ends of epochs, but one in ten
/// seconds, and at least one a minute; JSON for programs.
/// </summary>
internal sealed class RunDisplay(Display display) : IProgress<RunProgress>
{
    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(60), s_least = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_redraw = TimeSpan.FromMilliseconds(200);

    private readonly Stopwatch _sinceLine = Stopwatch.StartNew();
    private StatusContext? _live;
    private ZeroOneShotPlan? _plan;
    private RunStage? _stage;
    private (RunStage, int Epoch, int Step) _last;

    /// <summary>Does the work, and shows how far it is meanwhile.</summary>
    public T During<T>(Func<T> work)
    {
        if (!display.IsForPeople || Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
            return work();
        return AnsiConsole.Status().Spinner(Spinner.Known.Line).Start("Reading the images, timing a few steps", context =>
        {
            _live = context;
            try
            {
                return work();
            }
            finally
            {
                _live = null;
            }
        });
    }

    /// <summary>How many images are read, while there is nothing else to tell.</summary>
    public void Reading(string text)
    {
        if (_live is { } live)
            live.Status(Terminal.Escaped(text));
        else
            display.Say(text);
        display.Tell("reading", text);
    }

    /// <summary>The plan, once there is one.</summary>
    public void Planned(ZeroOneShotPlan plan)
    {
        _plan = plan;
        Say(plan.ToString());
        display.Tell("plan", plan);
    }

    /// <summary>What is worth a warning.</summary>
    public void Warn(string warning)
    {
        Say("Note: " + warning);
        display.Tell("warning", warning);
    }

    /// <inheritdoc/>
    public void Report(RunProgress value)
    {
        if (value.Warning is { } warning)
        {
            Warn(warning);
            return;
        }
        var step = (value.Stage, value.Epoch, value.Step);
        var due = _live is not null ? s_redraw : value.EndsEpoch ? s_least : s_most;
        var isAnEnd = _stage != value.Stage || value.EndsEpoch && value.Epoch == value.Epochs;
        if (step == _last || !isAnEnd && _sinceLine.Elapsed < due)
            return;
        (_last, _stage) = (step, value.Stage);
        _sinceLine.Restart();
        var line = Line(value);
        if (_live is { } live)
            live.Status(Terminal.Escaped(line));
        else
            display.Say(line);
        display.Tell("progress", new Moment(
            value.Stage.ToString().ToLowerInvariant(), value.Epoch, value.Epochs, value.Step, value.Steps, value.Loss, value.Accuracy,
            value.ValidationLoss, value.ValidationAccuracy, Left(value)?.TotalSeconds));
    }

    /// <summary>Where a run is, in a line of less than 80 columns.</summary>
    public string Line(RunProgress value)
    {
        var text = $"{value.Stage} ";
        if (value.Counted is { } counted)
            text += string.Create(CultureInfo.InvariantCulture, $"{value.Step} of {value.Steps} {counted}");
        else
            text += string.Create(CultureInfo.InvariantCulture, $"{(value.Stage == RunStage.Prune ? "round" : "epoch")} {value.Epoch}");
        if (value is { Counted: null, Epochs: { } all })
            text += $"/{all}";
        if (value is { Counted: null, Steps: > 0, EndsEpoch: false })
            text += string.Create(CultureInfo.InvariantCulture, $" {100.0 * value.Step / value.Steps:0} %");
        if (value.Loss is { } loss)
            text += string.Create(CultureInfo.InvariantCulture, $", loss {loss:0.000}");
        if ((value.ValidationAccuracy ?? value.Accuracy) is { } accuracy)
            text += string.Create(CultureInfo.InvariantCulture, $", {(value.ValidationAccuracy is null ? "" : "validation ")}accuracy " +
                $"{accuracy:0.000}");
        if (Left(value) is { } left)
            text += $", {Display.Text(left)} left";
        return text;
    }

    /// <summary>What is left of this stage and, by the plan, of those after it.</summary>
    public TimeSpan? Left(RunProgress value)
    {
        if (value.Remaining is not { } left)
            return null;
        var later = _plan?.Stages.SkipWhile(stage => stage.Stage != value.Stage).Skip(1) ?? [];
        return later.Aggregate(left, (sum, stage) => sum + stage.Time);
    }

    private void Say(string text)
    {
        if (_live is null)
        {
            display.Say(text);
            return;
        }
        foreach (var line in text.Split('\n'))
            AnsiConsole.MarkupLine(Terminal.Escaped(line));
    }

    private sealed record Moment(
        string Stage, int Epoch, int? Epochs, int Step, int Steps, double? Loss, double? Accuracy, double? ValidationLoss,
        double? ValidationAccuracy, double? SecondsLeft);
}
