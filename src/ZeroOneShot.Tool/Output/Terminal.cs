using System.Text;

namespace ZeroOneShot.Tool.Output;

/// <summary>Text for terminals and files that read like one.</summary>
internal static class Terminal
{
    /// <summary>A text in one line, in which nothing is a command to the terminal: names of files and classes may be anybody's.</summary>
    public static string Printable(string text)
    {
        if (!text.Any(IsCommand))
            return text;
        var printable = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (IsCommand(c))
                printable.Append($"\\u{(int)c:x4}");
            else
                printable.Append(c);
        }
        return printable.ToString();
    }

    /// <summary>The same for Spectre.Console, whose markup it is not.</summary>
    public static string Escaped(string text) => Spectre.Console.Markup.Escape(Printable(text));

    /// <summary>A word of a command for shells of Unix; one without anything special stays as it is.</summary>
    public static string Word(string word) => word.Length > 0 && word.All(IsOrdinary) ? word : $"'{word.Replace("'", "'\\''")}'";

    private static bool IsOrdinary(char c) =>
        char.IsAsciiLetterOrDigit(c) || "/._-:".Contains(c) || c == '\\' && OperatingSystem.IsWindows();

    // Also marks that turn the direction of what follows.
    private static bool IsCommand(char c) => char.IsControl(c) || c is >= '\u202a' and <= '\u202e' or >= '\u2066' and <= '\u2069';
}
