using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.ClusterProcess;

/// <summary>A unit of tests: a chain of hashes with a checkpoint after each step, whose end depends on every step.</summary>
public static class CountingWork
{
    private const int HashesAStep = 60_000;

    public static bool IsFinished(string folder) => File.Exists(Path.Combine(folder, "result.txt"));

    /// <summary>Makes the folder of a unit.</summary>
    public static void Begin(string folder)
    {
        var start = Path.Combine(folder, "start.txt");
        if (!File.Exists(start))
            AtomicFile.Write(start, stream => stream.Write(Encoding.ASCII.GetBytes(Path.GetFileName(folder))));
    }

    public static void Do(string folder, string settings, string? dataFolder, CancellationToken cancellationToken)
    {
        var steps = int.Parse(settings, CultureInfo.InvariantCulture);
        var checkpoint = Path.Combine(folder, "checkpoints", "state");
        var (done, hash) = (0, SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, "start.txt"))));
        if (dataFolder is not null)
            hash = SHA256.HashData([.. hash, .. File.ReadAllBytes(Path.Combine(dataFolder, "data.bin"))]);
        if (File.Exists(checkpoint))
        {
            var parts = File.ReadAllText(checkpoint).Split(' ');
            (done, hash) = (int.Parse(parts[0], CultureInfo.InvariantCulture), Convert.FromHexString(parts[1]));
        }
        for (; done < steps;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (var i = 0; i < HashesAStep; i++)
                hash = SHA256.HashData(hash);
            done++;
            var state = Encoding.ASCII.GetBytes($"{done} {Convert.ToHexString(hash)}");
            AtomicFile.Write(checkpoint, stream => stream.Write(state));
        }
        var result = Encoding.ASCII.GetBytes($"{steps} steps: {Convert.ToHexString(hash)}\n");
        AtomicFile.Write(Path.Combine(folder, "result.txt"), stream => stream.Write(result));
    }
}
