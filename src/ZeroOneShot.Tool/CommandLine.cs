using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;
using ZeroOneShot.Tool.Commands;
using ZeroOneShot.Tool.Output;

namespace ZeroOneShot.Tool;

/// <summary>The commands, how they end, and how they are stopped.</summary>
internal static partial class CommandLine
{
    private const string ExitCodes =
        "Exit codes: 0 done, 1 failed otherwise (a full disk), 2 arguments, 3 data, 4 memory, 5 a file was refused, 6 a native library " +
        "is missing, 7 losses diverged, 130 and 143 stopped by Ctrl+C or SIGTERM (a fit keeps its checkpoint: zeroone resume DIR).";

    /// <summary>The commands by name, in the order of --help.</summary>
    internal static IReadOnlyList<(string Name, Func<Command> Make)> Commands { get; } =
    [
        ("fit", FitCommand.Make), ("resume", ResumeCommand.Make), ("plan", PlanCommand.Make), ("predict", PredictCommand.Make),
        ("evaluate", EvaluateCommand.Make), ("export", ExportCommand.Make), ("info", InfoCommand.Make), ("draw", DrawCommand.Make),
        ("report", ReportCommand.Make), ("rank", RankCommand.Make), ("surrogate", SurrogateCommand.Make),
        ("figure1", Figure1Command.Make), ("table1", Table1Command.Make), ("worker", WorkerCommand.Make),
        (StageCommand.Name, StageCommand.Make), (DoctorCommand.Name, DoctorCommand.Make),
    ];

    /// <summary>Runs a command line.</summary>
    public static ExitCode Run(string[] args)
    {
        var root = new RootCommand("Finds and trains a network for your images, and shows what it found. Begin with: " +
            "zeroone fit sample --minutes 2. " + ExitCodes);
        // Where it is one of the commands, the others are not made: that takes time, and the defaults of some need libtorch.
        var asked = Commands.Where(command => command.Name == args.FirstOrDefault()).ToList();
        foreach (var (_, make) in asked.Count > 0 ? asked : Commands)
            root.Add(make());
        root.Directives.Add(new DiagramDirective());
        // A word that begins with @ is a name as any other, not a file of more words.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is ParseErrorAction)
        {
            var of = parsed.CommandResult.Command;
            if (of != root)
            {
                foreach (var error in parsed.Errors.Select(error => Terminal.Printable(ForPeople(error.Message))).Distinct())
                    Console.Error.WriteLine(error);
                Console.Error.WriteLine($"zeroone {of.Name} --help says what it takes.");
                return ExitCode.Arguments;
            }
            Console.Error.WriteLine(parsed.UnmatchedTokens is [var first, ..]
                ? $"'{Terminal.Printable(first)}' is no command; options follow a command." : "Give a command, for example:");
            Console.Error.WriteLine("  zeroone fit sample --minutes 2     finds a network for 2,000 images that zeroone brings along\n" +
                "  zeroone fit FOLDER                 the same for your images, one folder for each class\n" +
                "zeroone --help lists all commands, zeroone COMMAND --help the options of one.");
            return ExitCode.Arguments;
        }
        return (ExitCode)parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    /// <summary>What a command does: errors become a sentence and a code, and signals a cancellation.</summary>
    public static void Does(this Command command, Func<ParseResult, Stop, ExitCode> act) => command.SetAction(parsed =>
    {
        using var stop = new Stop();
        try
        {
            return (int)act(parsed, stop);
        }
        catch (Exception e) when (ToolException.Cause(e) is OperationCanceledException)
        {
            Console.Error.WriteLine(stop.Farewell);
            return (int)stop.Code;
        }
        catch (Exception e)
        {
            var cause = ToolException.Cause(e);
            if (ToolException.CodeOf(cause, ExitCode.Arguments) is not { } code)
            {
                Console.Error.WriteLine($"This is a fault of zeroone itself. Please tell its authors, with these lines:\n{e}");
                return (int)ExitCode.Failed;
            }
            Console.Error.WriteLine(Terminal.Printable(ToolException.Sentence(cause)));
            if (code == ExitCode.NativeLibrary && command.Name != DoctorCommand.Name)
                Console.Error.WriteLine("zeroone doctor looks at all native libraries, and says what to do.");
            return (int)code;
        }
    });

    // System.CommandLine tells the type of a value as programmers call it, and what it might be in lines of their own.
    private static string ForPeople(string message) => TypeName().Replace(message, match => match.Groups["type"].Value switch
    {
        "System.Int32" or "System.Int64" => ": expected a whole number, not too large",
        "System.Double" => ": expected a number",
        _ => "",
    }).Replace("\n", " ", StringComparison.Ordinal);

    [GeneratedRegex(@" as expected type '(?<type>[^']+)'")]
    private static partial Regex TypeName();
}
