using System.Globalization;
using Spectre.Console;
using ZeroOneShot.Runtime;

namespace ImageSearch;

/// <summary>Progress for a terminal: one bar for each stage.</summary>
internal sealed class LiveProgress : IProgress<RunProgress>
{
    private readonly Dictionary<RunStage, ProgressTask> _tasks = [];
    private readonly ProgressContext _context;

    private LiveProgress(ProgressContext context) => _context = context;

    /// <summary>Does the work with the bars shown.</summary>
    public static T During<T>(Func<LiveProgress, T> work) => AnsiConsole.Progress()
        .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
        .Start(context => work(new LiveProgress(context)));

    /// <inheritdoc/>
    public void Report(RunProgress value)
    {
        if (!_tasks.TryGetValue(value.Stage, out var task))
        {
            foreach (var earlier in _tasks.Values)
                earlier.StopTask();
            _tasks[value.Stage] = task = _context.AddTask(value.Stage.ToString());
        }
        task.MaxValue = value.Epochs ?? 1;
        task.Value = (value.Epochs is null ? 0 : value.Epoch - 1) + (double)value.Step / value.Steps;
        task.Description = Markup.Escape(Describe(value));
    }

    private static string Describe(RunProgress value)
    {
        var text = $"{value.Stage} {(value.Stage == RunStage.Prune ? "round" : "epoch")} {value.Epoch}";
        if (value.Epochs is { } all)
            text += $"/{all}";
        if (value.Loss is { } loss)
            text += string.Create(CultureInfo.InvariantCulture, $", loss {loss:0.000}");
        if (value.Accuracy is { } accuracy)
            text += string.Create(CultureInfo.InvariantCulture, $", accuracy {accuracy:0.000}");
        if (value.RemainingText is { } remaining)
            text += $", {remaining} left";
        return text;
    }
}
