using System.Text.Json;
using ZeroOneShot.Data;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>A file with the importances of the rounds that are over, from which a pruning that was stopped goes on.</summary>
/// <param name="path">The file; it need not exist.</param>
/// <param name="images">The images of the pruning.</param>
/// <param name="options">The settings of the pruning.</param>
internal sealed class PruningCheckpoint(string path, ImageSet images, ZeroShotPruningOptions options)
{
    private readonly Checkpoint<List<double[]>> _file = new(path, "pruning", new Dictionary<string, string>
    {
        ["images"] = images.Fingerprint(),
        ["space"] = options.Space.Name,
        ["ranking functions"] = string.Join(", ", options.RankingFunctions.Select(function => function.Name)),
        ["options"] = JsonSerializer.Serialize(
            new { options.Pruning, options.Supernet, options.BatchSize, options.Batches, options.Initializations, options.Seed }),
    });

    /// <summary>The importances of a round: those of the file, or measured and then written to it.</summary>
    public IReadOnlyDictionary<(CellKind Kind, int Edge, int Operation), double> Importances(
        OperationMask mask, int round,
        Func<OperationMask, int, IReadOnlyDictionary<(CellKind Kind, int Edge, int Operation), double>> measure)
    {
        var rounds = _file.Load((_, _) => { });
        var candidates = mask.AllLive.ToArray();
        if (round < rounds.Count)
            return candidates.Zip(rounds[round]).ToDictionary(pair => pair.First, pair => pair.Second);
        var measured = measure(mask, round);
        _file.Save([.. rounds, [.. candidates.Select(candidate => measured[candidate])]], []);
        return measured;
    }
}
