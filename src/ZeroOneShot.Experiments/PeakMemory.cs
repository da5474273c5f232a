using System.Globalization;

namespace ZeroOneShot.Experiments;

/// <summary>What this process grew by at its largest, on Linux.</summary>
internal sealed class PeakMemory
{
    private const string Peak = "VmHWM", Present = "VmRSS";

    private readonly double? _before;

    /// <summary>Forgets the peak so far.</summary>
    public PeakMemory()
    {
        if (!OperatingSystem.IsLinux())
            return;
        GC.Collect();
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            _before = StatusMiB(Present);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Some containers do not let a process forget its peak: it is then unknown.
        }
    }

    /// <summary>In MiB; null where the system does not tell.</summary>
    public double? GrowthMiB => _before is { } before ? Math.Max(0, StatusMiB(Peak) - before) : null;

    private static double StatusMiB(string field) => double.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal))
            .Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
}
