using System.Runtime.CompilerServices;
using Xunit;

namespace ZeroOneShot.Yardstick.Tests;

/// <summary>The measured tables, which are not part of the repository.</summary>
internal static class Tables
{
    public static string Path(string name, [CallerFilePath] string thisFile = "")
    {
        var folder = Environment.GetEnvironmentVariable("NAS_DIR") is { Length: > 0 } given
            ? given
            : System.IO.Path.Combine(System.IO.Path.GetDirectoryName(thisFile)!, "..", "..", "..", "shared", "nas");
        var file = System.IO.Path.Combine(folder, name);
        Assert.SkipUnless(File.Exists(file), $"{name} is not here; NAS_DIR names the folder that holds it.");
        return file;
    }
}
