using System.Diagnostics;

namespace ZeroOneShot.Samples.Tests;

/// <summary>samples/PredictApi as a process of its own, on a port of its own.</summary>
internal sealed class RunningService : IDisposable
{
    private readonly Process _process;

    /// <param name="model">The model.</param>
    /// <param name="environment">Variables of the environment; null removes one.</param>
    /// <param name="settings">See ServiceSettings.cs of the sample.</param>
    public RunningService(string model, IReadOnlyDictionary<string, string?>? environment = null, params string[] settings)
        : this(Path.Combine(Sample.Folder("PredictApi"), "PredictApi"), model, environment, settings)
    {
    }

    private RunningService(
        string program, string model, IReadOnlyDictionary<string, string?>? environment, IReadOnlyList<string> settings)
    {
        _process = Sample.Start(program, environment, ["--model", model, "--urls", "http://127.0.0.1:0", .. settings]);
        // "Now listening on: http://127.0.0.1:40123"
        const string announcement = "Now listening on: ";
        for (string? line; (line = _process.StandardOutput.ReadLine()) is not null;)
        {
            if (line.Contains(announcement))
            {
                Address = new Uri(line[(line.IndexOf(announcement, StringComparison.Ordinal) + announcement.Length)..]);
                _ = _process.StandardError.ReadToEndAsync();
                return;
            }
        }
        throw new InvalidOperationException(_process.StandardError.ReadToEnd());
    }

    /// <summary>Another build of it.</summary>
    public static RunningService At(string program, string model) => new(program, model, null, []);

    public Uri Address { get; } = null!;

    public int ProcessId => _process.Id;

    /// <summary>What it writes from now on.</summary>
    public StreamReader Output => _process.StandardOutput;

    public HttpClient Client() => new() { BaseAddress = Address };

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
