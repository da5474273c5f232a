using System.CommandLine;
using System.Globalization;

namespace ZeroOneShot.Tool.Output;

/// <summary>How much a long command says: to people, to programs as JSON, or nothing but errors.</summary>
/// <param name="Kind">To whom.</param>
internal sealed record Display(Display.Reader Kind)
{
    private static readonly Option<bool> s_quiet = new("--quiet", "-q") { Description = "Says nothing but errors." };

    private static readonly Option<bool> s_json = new("--json") { Description = "Says everything as JSON, an object a line." };

    public enum Reader
    {
        Person,
        Program,
        Nobody,
    }

    public static void AddTo(Command command)
    {
        command.Add(s_quiet);
        command.Add(s_json);
    }

    public static Display Of(ParseResult parsed) => (parsed.GetValue(s_quiet), parsed.GetValue(s_json)) switch
    {
        (true, true) => throw new ToolException(ExitCode.Arguments, "--quiet and --json are both given; choose one."),
        (true, _) => new Display(Reader.Nobody),
        (_, true) => new Display(Reader.Program),
        _ => new Display(Reader.Person),
    };

    public bool IsForPeople => Kind == Reader.Person;

    /// <summary>A sentence, or lines, for people.</summary>
    public void Say(string text)
    {
        if (IsForPeople)
        {
            foreach (var line in text.Split('\n'))
                Console.Out.WriteLine(Terminal.Printable(line));
        }
    }

    /// <summary>The same for programs.</summary>
    public void Tell<T>(string what, T value)
    {
        if (Kind == Reader.Program)
            Console.Out.WriteLine(JsonText.Line(new Dictionary<string, object?> { ["event"] = what, [what] = value }));
    }

    /// <summary>Time to read, as short as it can be.</summary>
    public static string Text(TimeSpan time) => time.TotalHours >= 24
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:0.0} days")
        : time.ToString(time.TotalHours >= 1 ? "h\\:mm\\:ss" : "m\\:ss", CultureInfo.InvariantCulture);
}
