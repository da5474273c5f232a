using System.CommandLine.Parsing;
using System.Globalization;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Numbers of a command line, written with a point: 1,5 is no 15.</summary>
internal static class Numbers
{
    public static double Parse(ArgumentResult result)
    {
        var text = result.Tokens is [var token] ? token.Value : "";
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
            return number;
        result.AddError($"'{text}' is no number; expected one such as 15 or 0.5, with a point.");
        return 0;
    }

    /// <summary>Minutes of a command line, if a fit can take as many.</summary>
    /// <exception cref="ToolException">It cannot.</exception>
    public static double Minutes(double minutes) => minutes is > 0 and <= 525_600 ? TimeSpan.FromMinutes(minutes).TotalMinutes
        : throw new ToolException(ExitCode.Arguments, $"--minutes is {minutes}; expected more than 0 and at most 525600, a year.");
}
