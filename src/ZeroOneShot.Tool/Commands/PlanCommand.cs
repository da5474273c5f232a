using System.CommandLine;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Tool.Runs;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Says what a fit would do.</summary>
internal static class PlanCommand
{
    public static Command Make()
    {
        var command = new Command("plan", "Says what fit would do with the same arguments: sizes, time and memory of every stage, by " +
            "timing a few steps.");
        FitCommand.Asked.AddTo(command);
        Display.AddTo(command);
        command.Does((parsed, stop) =>
        {
            FitJob.Plan(FitCommand.Asked.Of(parsed), Display.Of(parsed), stop);
            return ExitCode.Done;
        });
        return command;
    }
}
