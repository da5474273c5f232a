using System.CommandLine;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Tool.Runs;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Goes on with a fit that was stopped.</summary>
internal static class ResumeCommand
{
    private static readonly Argument<string> s_folder = new("DIR") { Description = "The folder of the run, --out of zeroone fit." };

    public static Command Make()
    {
        var command = new Command("resume", "Goes on with a fit that was stopped or killed, within what is left of its " +
            "minutes, or to the end of the plan that it follows.") { s_folder };
        Display.AddTo(command);
        command.Does((parsed, stop) =>
        {
            var folder = new RunFolder(parsed.GetRequiredValue(s_folder));
            var (asked, display) = (folder.ReadSpecification(), Display.Of(parsed));
            if (!folder.IsUnfinished)
            {
                display.Say($"The run in {folder.Path} is over: there is nothing to go on with.");
                return ExitCode.Done;
            }
            var plan = asked.FollowsPlan ? RunFolder.ReadPlan(folder.Plan) : null;
            return FitJob.Run(asked, plan, folder, FitJob.Start.GoOn, display, stop);
        });
        return command;
    }
}
