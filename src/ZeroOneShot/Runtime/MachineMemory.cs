using System.Globalization;

namespace ZeroOneShot.Runtime;

/// <summary>
/// The memory that a process may use: the machine's, or less where a container or another control group limits it. What .NET calls
/// available is no more than that of its own heap, three quarters of a container's limit or what a setting says; here most memory is
/// libtorch's and this library's.
/// </summary>
internal static class MachineMemory
{
    private const string Total = "MemTotal:", Controller = "memory", Unified = "";

    /// <summary>The memory, in bytes.</summary>
    /// <param name="root">The root of the file system.</param>
    public static long Bytes(string root = "/")
    {
        if (!OperatingSystem.IsLinux() || OfTheMachine(root) is not { } bytes)
            return GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return Limits(root).Append(bytes).Min();
    }

    private static long? OfTheMachine(string root)
    {
        var line = Lines(root, "proc/meminfo").FirstOrDefault(line => line.StartsWith(Total, StringComparison.Ordinal));
        return line is not null && Number(line.AsSpan(Total.Length).Trim().TrimEnd(" kB")) is { } kibibytes ? 1024 * kibibytes : null;
    }

    /// <summary>The limits of the process's own control groups, of version 1 and 2, and of those around them.</summary>
    private static IEnumerable<long> Limits(string root)
    {
        foreach (var line in Lines(root, "proc/self/cgroup"))
        {
            // Number, controllers, path; without controllers it is version 2.
            if (line.Split(':', 3) is not [_, var controllers, var path])
                continue;
            if (controllers == Unified)
            {
                foreach (var limit in Upwards(root, "sys/fs/cgroup", path, "memory.max")
                    .Concat(Upwards(root, "sys/fs/cgroup/unified", path, "memory.max")))
                {
                    yield return limit;
                }
            }
            else if (controllers.Split(',').Contains(Controller))
            {
                foreach (var limit in Upwards(root, "sys/fs/cgroup/memory", path, "memory.limit_in_bytes"))
                    yield return limit;
            }
        }
    }

    // A container may see its group as the root, by whatever path the machine has for it: folders that are not there are passed over.
    private static IEnumerable<long> Upwards(string root, string mount, string path, string file)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var depth = parts.Contains("..") ? 0 : parts.Length; depth >= 0; depth--)
        {
            if (Number(Lines(root, Path.Combine([mount, .. parts[..depth], file])).FirstOrDefault()) is { } limit)
                yield return limit;
        }
    }

    private static string[] Lines(string root, string file)
    {
        if (!File.Exists(Path.Combine(root, file)))
            return [];
        try
        {
            return File.ReadAllLines(Path.Combine(root, file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>A number above 0; null of anything else, as <c>max</c>, which is no limit.</summary>
    private static long? Number(ReadOnlySpan<char> text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;
}
