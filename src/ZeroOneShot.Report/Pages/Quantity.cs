using System.Globalization;

namespace ZeroOneShot.Report;

/// <summary>Times and sizes to read.</summary>
internal static class Quantity
{
    public static string Time(TimeSpan time) => time.TotalSeconds switch
    {
        < 10 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s"),
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s"),
        < 7200 => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalMinutes} min {time.Seconds} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours} h {time.Minutes} min"),
    };

    public static string Bytes(long bytes) => bytes switch
    {
        < 10_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes"),
        < 10L << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:N0} KiB"),
        < 10L << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N0} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:N1} GiB"),
    };
}
