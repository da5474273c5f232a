using System.Diagnostics;
using System.Text.Json;
using ZeroOneShot.Data;
using ZeroOneShot.Kernels;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// A file with the ranks that were measured, from which a pruning that was stopped goes on. Networks are ranked in the same order every
/// time, so that the ranks alone are all there is to keep.
/// </summary>
internal sealed class PruningCheckpoint : IDisposable
{
    private readonly Checkpoint<List<double[]>> _file;
    private readonly List<double[]> _ranks;
    private int _next;
    private long _saved = Stopwatch.GetTimestamp();

    /// <param name="path">The file; it need not exist.</param>
    /// <param name="images">The images of the pruning.</param>
    /// <param name="options">The settings of the pruning.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or is of another pruning.</exception>
    /// <exception cref="IOException">Another run has the file.</exception>
    public PruningCheckpoint(string path, ImageSet images, ZeroShotPruningOptions options)
    {
        _file = new(path, "pruning", new Dictionary<string, string>
        {
            ["images"] = images.Fingerprint(),
            ["space"] = options.Space.Name,
            ["what the space is made of"] = options.Space.Signature ?? "",
            ["ranking functions"] = string.Join(", ", options.RankingFunctions.Select(function => function.Name)),
            ["settings of the ranking functions"] = FunctionSettings.Of(options.RankingFunctions),
            ["options"] = JsonSerializer.Serialize(
                new
                {
                    options.Pruning, options.Supernet, options.BatchSize, options.Batches, options.Initializations, options.Outputs,
                    options.Weights, options.Seed, options.FirstOrder,
                }),
        }, $"{Arithmetic.Here(options.Device)}");
        _ranks = _file.Load((file, ranks) =>
        {
            if (ranks.Any(ofNetwork => ofNetwork?.Length != options.RankingFunctions.Count))
                throw new InvalidDataException(
                    $"'{file.Path}' has networks with other than {options.RankingFunctions.Count} ranks. Delete it.");
        });
    }

    /// <summary>See <see cref="Checkpoint{TState}.Warning"/>.</summary>
    public string? Warning => _file.Warning;

    /// <summary>Whether the ranks of the next network are in the file.</summary>
    public bool HasNext => _next < _ranks.Count;

    /// <summary>The ranks of the next network: those of the file, or measured.</summary>
    public double[] Next(Func<double[]> measure)
    {
        if (!HasNext)
        {
            _ranks.Add(measure());
            if (Stopwatch.GetElapsedTime(_saved) > StageClock.BetweenCheckpoints)
                Save();
        }
        return _ranks[_next++];
    }

    /// <summary>Writes the file.</summary>
    public void Save()
    {
        _file.Save(_ranks, []);
        _saved = Stopwatch.GetTimestamp();
    }

    /// <summary>Lets the next run have the file.</summary>
    public void Dispose() => _file.Dispose();
}
