using System.Collections.Concurrent;

namespace ZeroOneShot.ML;

/// <summary>
/// A temporary file with an ONNX model, from which an OnnxTransformer reads and saves it while it lives. (From a stream, ML.NET makes such
/// a file too, and leaves it behind.) What is not disposed goes with the process.
/// </summary>
internal sealed class OnnxFile : IDisposable
{
    private static readonly ConcurrentDictionary<string, byte> s_paths = new();

    static OnnxFile() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (var path in s_paths.Keys)
            Delete(path);
    };

    /// <summary>Writes the file.</summary>
    /// <exception cref="IOException">The temporary folder cannot be written to.</exception>
    public OnnxFile(byte[] model)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"zerooneshot-{Environment.ProcessId}-{Guid.NewGuid():N}.onnx");
        s_paths.TryAdd(Path, 0);
        File.WriteAllBytes(Path, model);
    }

    public string Path { get; }

    public void Dispose()
    {
        if (Delete(Path))
            s_paths.TryRemove(Path, out _);
    }

    private static bool Delete(string path)
    {
        try
        {
            File.Delete(path);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;                                   // still open, on a system where open files stay
        }
    }
}
