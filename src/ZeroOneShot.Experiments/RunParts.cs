using System.Globalization;
using System.Text.Json;
using ZeroOneShot.Kernels;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Experiments;

/// <summary>
/// Parts of a run's pruning rounds, offered to whoever is idle by files of the run's folder (<see cref="PartFiles"/>). On one machine
/// nobody takes them.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="arithmetic">How this process computes.</param>
/// <param name="worth">A round whose rest would take less is not offered.</param>
internal sealed class RunParts(RunFolder run, Arithmetic arithmetic, TimeSpan worth) : IRoundShare
{
    /// <summary>A helper has to start a process, fetch the data and build the network, which takes some seconds.</summary>
    public static readonly TimeSpan UsualWorth = TimeSpan.FromSeconds(60);

    private string? _mask;

    /// <inheritdoc/>
    public TimeSpan Worth => worth;

    /// <summary>What helpers took for the ranks that were used.</summary>
    public double Seconds { get; private set; }

    /// <inheritdoc cref="Seconds"/>
    public double ProcessorSeconds { get; private set; }

    /// <inheritdoc/>
    public void Offer(OperationMask mask, IReadOnlyList<RoundPart> parts)
    {
        _mask = mask.ToJson();
        var names = parts.Select(Name).ToHashSet();
        foreach (var part in PartFiles.AllAsked(run.Path).Where(part => !names.Contains(part)))
            Delete(part);
        foreach (var part in parts)
            ChecksummedJson.Write(PathOf(PartFiles.Asked(Name(part))), Request(part));
        run.Log($"Round {parts[0].Round + 1} of the pruning: {parts.Sum(part => part.Count)} networks are offered in {parts.Count} parts.");
    }

    /// <inheritdoc/>
    public IReadOnlyList<double[]>? Find(RoundPart part)
    {
        var path = PathOf(PartFiles.Done(Name(part)));
        if (!File.Exists(path))
            return null;
        try
        {
            var result = ChecksummedJson.Read<PartResult>(path);
            if (result.Request != Request(part) || result.Ranks.Length != part.Count)
                throw new InvalidDataException("it is of another part, or was computed on a machine that may round otherwise");
            Seconds += result.Seconds;
            ProcessorSeconds += result.ProcessorSeconds;
            run.Log($"Round {part.Round + 1} of the pruning: {part.Count} networks of a helper are taken over ({Name(part)}).");
            return result.Ranks;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            run.Log($"'{path}' is not used: {e.Message}; these networks are ranked here.");
            File.Delete(path);
            return null;
        }
    }

    /// <inheritdoc/>
    public void End()
    {
        foreach (var part in PartFiles.AllAsked(run.Path))
            File.Delete(PathOf(PartFiles.Asked(part)));
        try
        {
            Directory.Delete(PathOf(PartFiles.Folder), recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The worker writes what a helper did there at this moment; asked for by nobody, it goes away with the worker's next look.
        }
    }

    private PartRequest Request(RoundPart part) => new(run.Specification, _mask!, part, arithmetic);

    private void Delete(string part)
    {
        File.Delete(PathOf(PartFiles.Asked(part)));
        File.Delete(PathOf(PartFiles.Done(part)));
    }

    private string PathOf(string file) => Path.Combine(run.Path, file);

    // By its ranges, so that a worker who goes on with another's run finds what was done for that one.
    private static string Name(RoundPart part) => string.Create(CultureInfo.InvariantCulture,
        $"round-{part.Round:D2}-draw-{part.Initialization:D2}-networks-{part.First:D4}-{part.First + part.Count - 1:D4}");
}

/// <summary>What a part is of, and is, and how it is to be computed: ranks of another machine may differ in their last bits.</summary>
internal sealed record PartRequest(RunSpecification Specification, string Mask, RoundPart Part, Arithmetic Arithmetic);

/// <summary>The ranks of a part, networks x functions, and what they took.</summary>
internal sealed record PartResult(PartRequest Request, double[][] Ranks, double Seconds, double ProcessorSeconds);
