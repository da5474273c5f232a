using ZeroOneShot.Persistence;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Texts of files, of a size that a text for people has.</summary>
internal static class InputText
{
    private const long MostBytes = 64 << 20;

    /// <summary>What a text is, once it is parsed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="parse">Throws a <see cref="FormatException"/> at what it cannot parse.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">
    /// The file is empty, too large, no regular file, or cannot be parsed; the message names it.
    /// </exception>
    public static T Read<T>(string path, Func<string, T> parse)
    {
        var text = Read(path);
        try
        {
            return parse(text);
        }
        catch (FormatException e)
        {
            throw new InvalidDataException($"'{path}' cannot be used: {e.Message}", e);
        }
    }

    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is empty or too large, or is no regular file.</exception>
    public static string Read(string path) => InputFile.ReadText(path, "a text", MostBytes);
}
