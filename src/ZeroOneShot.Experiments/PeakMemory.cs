using ZeroOneShot.Runtime;

namespace ZeroOneShot.Experiments;

/// <summary>What this process grew by at its largest, on Linux.</summary>
internal sealed class PeakMemory
{
    private readonly long? _before;

    /// <summary>Forgets the peak so far.</summary>
    public PeakMemory()
    {
        if (!OperatingSystem.IsLinux())
            return;
        GC.Collect();
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            _before = ResidentMemory.Present;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Some containers do not let a process forget its peak: it is then unknown.
        }
    }

    /// <summary>In MiB; null where the system does not tell.</summary>
    public double? GrowthMiB => ResidentMemory.Largest - _before is { } growth ? Math.Max(0, growth) / (double)(1 << 20) : null;
}
