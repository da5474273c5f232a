using System.CommandLine;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Tool.Runs;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Goes on with a fit that was stopped.</summary>
internal static class ResumeCommand
{
    private static readonly Argument<string> s_folder = new("DIR") { Description = "The folder of the run, --out of zeroone fit." };

    private static readonly Option<double?> s_minutes = new("--minutes", "-m")
    {
        Description = "The time that the whole fit may take, what it has taken already included: more than it began with, where that is " +
            "used up. Default: what it began with.",
        CustomParser = result => Numbers.Parse(result),
        HelpName = "N",
    };

    public static Command Make()
    {
        var command = new Command("resume", "Goes on with a fit that was stopped or killed, within what is left of its " +
            "minutes, or of more of them, or to the end of the plan that it follows.") { s_folder, s_minutes };
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
            if (parsed.GetValue(s_minutes) is { } minutes)
            {
                asked = asked with { Minutes = Numbers.Minutes(minutes) };
                if (asked.FollowsPlan)
                {
                    throw new ToolException(ExitCode.Arguments, $"--minutes is {minutes}, but the run in '{folder.Path}' " +
                        "follows a plan, however long it takes. Leave --minutes out.");
                }
            }
            var plan = asked.FollowsPlan ? RunFolder.ReadPlan(folder.Plan) : null;
            return FitJob.Run(asked, plan, folder, FitJob.Start.GoOn, display, stop);
        });
        return command;
    }
}
