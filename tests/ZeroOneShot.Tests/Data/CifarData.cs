using Xunit;

namespace ZeroOneShot.Tests.Data;

/// <summary>Where tests find the real CIFAR files: in the folder that CIFAR_DIR names.</summary>
internal static class CifarData
{
    /// <summary>
    /// The folder of one of the data sets, such as <c>cifar-10-batches-bin</c>; the calling test is skipped where it is absent.
    /// </summary>
    public static string FolderOrSkip(string name)
    {
        var parent = Environment.GetEnvironmentVariable("CIFAR_DIR");
        Assert.SkipWhen(string.IsNullOrEmpty(parent), $"Set CIFAR_DIR to the folder that holds {name}.");
        var folder = Path.Combine(parent!, name);
        Assert.SkipUnless(Directory.Exists(folder), $"There is no {name} in {parent}; set CIFAR_DIR to the folder that holds it.");
        return folder;
    }
}
