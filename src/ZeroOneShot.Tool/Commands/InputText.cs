using System.Text.Json;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Texts of files, of a size that a text for people has.</summary>
internal static class InputText
{
    private const long MostBytes = 64 << 20;

    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is empty or too large, or is no regular file.</exception>
    public static string Read(string path) => InputFile.ReadText(path, "a text", MostBytes);

    /// <summary>What the text of a file says; an error names the file.</summary>
    /// <exception cref="ToolException">The file cannot be read, or its text is refused.</exception>
    public static T Parse<T>(string path, Func<string, T> parse) => ToolException.Within(ExitCode.RefusedFile, () =>
    {
        var text = Read(path);
        try
        {
            return parse(text);
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException or ArgumentException
            or OverflowException)
        {
            throw new InvalidDataException($"'{path}' cannot be used: {ToolException.Sentence(e)}", e);
        }
    });
}
