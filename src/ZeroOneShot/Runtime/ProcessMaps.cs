namespace ZeroOneShot.Runtime;

/// <summary>The files that this process has mapped, on Linux.</summary>
internal static class ProcessMaps
{
    /// <summary>The path of the mapped file of that name; null where there is none, or the system does not tell.</summary>
    public static string? FileOf(string name) => FileOf(file => file == name);

    /// <summary>The same for a name that fulfils a condition.</summary>
    public static string? FileOf(Predicate<string> isName)
    {
        const string maps = "/proc/self/maps";
        if (!File.Exists(maps))
            return null;
        foreach (var line in File.ReadLines(maps))
        {
            // address, permissions, offset, device, inode, path
            if (line.IndexOf('/') is var start and >= 0 && isName(line[(line.LastIndexOf('/') + 1)..]))
                return line[start..];
        }
        return null;
    }
}
