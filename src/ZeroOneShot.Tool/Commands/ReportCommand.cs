using System.CommandLine;
using ZeroOneShot.Report;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Tool.Runs;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Makes the report of a run, once or as it goes on.</summary>
internal static class ReportCommand
{
    private static readonly Argument<string> s_folder = new("DIR") { Description = "The folder of a run of zeroone fit." };

    private static readonly Option<string?> s_out = new("--out", "-o")
    {
        Description = "The HTML file to write. Default: report.html in DIR.", HelpName = "FILE",
    };

    private static readonly Option<bool> s_watch = new("--watch")
    {
        Description = "Serves the report to this machine alone, and shows how the run goes on, until Ctrl+C.",
    };

    private static readonly Option<int> s_port = new("--port")
    {
        Description = "The port for --watch; 0 is any that is free.", DefaultValueFactory = _ => 0, HelpName = "N",
    };

    public static Command Make()
    {
        var command = new Command("report", "Makes the report of a run: one HTML file without scripts and outside resources.")
        {
            s_folder, s_out, s_watch, s_port,
        };
        command.Does((parsed, stop) =>
        {
            var folder = new RunFolder(parsed.GetRequiredValue(s_folder));
            if (!Directory.Exists(folder.Path))
                throw new ToolException(ExitCode.RefusedFile, $"There is no folder '{folder.Path}'; expected that of a run of zeroone " +
                    $"fit.");
            if (parsed.GetValue(s_watch))
            {
                var port = parsed.GetValue(s_port);
                if (port is < 0 or > ushort.MaxValue)
                    throw new ToolException(ExitCode.Arguments, $"--port is {port}; expected 0 to {ushort.MaxValue}.");
                using var server = new ReportServer(() => Read(folder), port);
                Console.Out.WriteLine($"Watching {Terminal.Printable(folder.Path)}: open {server.Address} in a browser. Ctrl+C ends it.");
                server.Run(stop.Token);
                return ExitCode.Done;
            }
            var html = Read(folder).ToHtml();
            var file = Path.GetFullPath(parsed.GetValue(s_out) ?? folder.Html);
            ToolException.Within(ExitCode.Failed, () => folder.Write(file, html));
            Console.Out.WriteLine($"Written: {Terminal.Printable(file)}.");
            return ExitCode.Done;
        });
        return command;
    }

    private static RunReport Read(RunFolder folder) => File.Exists(folder.Report) ? folder.ReadReport() : ModelReport.OfFolder(folder);
}
