using System.Globalization;
using System.Text.RegularExpressions;

namespace ZeroOneShot.Tool;

/// <summary>Sizes as people write them: 2GB, 512MiB, 800M.</summary>
internal static partial class ByteCount
{
    /// <exception cref="ToolException">It is no such size.</exception>
    public static long Parse(string text)
    {
        var match = Form().Match(text);
        if (match.Success && double.TryParse(match.Groups["number"].Value, CultureInfo.InvariantCulture, out var number))
        {
            var (unit, isBinary) = (match.Groups["unit"].Value.ToUpperInvariant(), match.Groups["binary"].Success);
            var size = number * Math.Pow(isBinary ? 1024 : 1000, unit.Length == 0 ? 0 : "KMGT".IndexOf(unit[0]) + 1);
            if (size is >= 1 and < long.MaxValue)
                return (long)size;
        }
        throw new ToolException(ExitCode.Arguments, $"'{text}' is no size; expected a number and a unit, for example 2GB or 800MiB.");
    }

    public static string Text(long bytes) => bytes.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\s*(?<number>\d+(\.\d+)?)\s*(?<unit>[kmgt])?(?<binary>i)?b?\s*$",
        RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    private static partial Regex Form();
}
