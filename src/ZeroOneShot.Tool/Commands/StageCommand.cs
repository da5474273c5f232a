using System.CommandLine;
using ZeroOneShot.Experiments;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tool.Commands;

/// <summary>A stage of a run in a process of its own, which table1 and worker start.</summary>
internal static class StageCommand
{
    public const string Name = "table1-stage";

    public static Command Make()
    {
        var arguments = new Argument<string[]>("arguments");
        var command = new Command(Name, "What table1 runs in processes of its own.") { arguments };
        command.Hidden = true;
        command.Does((parsed, stop) =>
        {
            if (parsed.GetRequiredValue(arguments) is not [var preset, var device, var folders, var path, var stage])
            {
                throw new ToolException(ExitCode.Arguments, "Expected preset, device, folders of data, folder of the run and stage; " +
                    "table1 starts this command, people do not.");
            }
            ChildProcess.EndWithParent(Console.Error.WriteLine);
            return OrFileFault(() => Do(preset, device, folders, path, stage, stop.Token));
        });
        return command;
    }

    /// <summary>This command, for stages and for parts.</summary>
    public static ChildProcess InAProcess(ExperimentPreset preset, string? device, IEnumerable<string> folders) =>
        ChildProcess.OfThisProgram(Name, preset.Name, device ?? "cpu",
            string.Join(Path.PathSeparator, folders.Select(Path.GetFullPath)));

    /// <summary>Whoever started this gives the run to another machine where this one's files are to blame, and only there.</summary>
    internal static ExitCode OrFileFault(Action work)
    {
        try
        {
            work();
            return ExitCode.Done;
        }
        catch (Exception e) when (ToolException.Cause(e) is IOException or UnauthorizedAccessException)
        {
            throw new ToolException((ExitCode)ChildProcess.FileFault, ToolException.Sentence(ToolException.Cause(e)));
        }
    }

    private static void Do(
        string preset, string device, string folders, string path, string stage, CancellationToken cancellationToken)
    {
        var data = folders.Split(Path.PathSeparator).Select(ExperimentData.Cifar).ToArray();
        if (stage == ChildProcess.Part)
        {
            ExperimentRun.DoPart(path, data.Single(), ExperimentPreset.Parse(preset), device, cancellationToken);
            return;
        }
        var run = RunFolder.Open(path);
        ExperimentRun.Do(run, Enum.Parse<RunStage>(stage), data.Single(set => set.Name == run.Specification.Data),
            ExperimentPreset.Parse(preset), device, cancellationToken: cancellationToken);
    }
}
