using System.CommandLine;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Tool.Runs;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Says what a fit would do.</summary>
internal static class PlanCommand
{
    private static readonly Option<string?> s_out = new("--out", "-o")
    {
        Description = "A file to keep the plan in, as JSON, for fit --plan.", HelpName = "FILE",
    };

    public static Command Make()
    {
        var command = new Command("plan", "Says what fit would do with the same arguments: sizes, time and memory of every stage, by " +
            "timing a few steps. With --json the plan is all that is printed; fit --plan follows it.");
        FitCommand.Asked.AddTo(command);
        command.Add(s_out);
        Display.AddTo(command);
        command.Does((parsed, stop) =>
        {
            FitJob.Plan(FitCommand.Asked.Of(parsed, null), parsed.GetValue(s_out), Display.Of(parsed), stop);
            return ExitCode.Done;
        });
        return command;
    }
}
