using System.Text.Json;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Benchmarks;

/// <summary>The rows of a benchmark as a file.</summary>
internal static class JsonRows
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>Replaces the file, if one was asked for.</summary>
    public static void Write<T>(FileInfo? json, IReadOnlyList<T> rows)
    {
        if (json is not null)
            AtomicFile.Write(json.FullName, stream => JsonSerializer.Serialize(stream, rows, s_indented));
    }
}
