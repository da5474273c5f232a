using System.Globalization;
using System.IO.Compression;
using Xunit;

[assembly: AssemblyFixture(typeof(ZeroOneShot.Samples.Tests.TinyRun))]

namespace ZeroOneShot.Samples.Tests;

/// <summary>One run of the tool on the images that come with it, and these as files, for all tests.</summary>
public sealed class TinyRun : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("zerooneshot-test-").FullName;

    public TinyRun()
    {
        ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "fashion-mnist-small.zip"), Images);
        using var fit = Sample.Start(Sample.Tool, null,
            ["fit", "sample", "--method", "Zero-One-Shot-RND", "--minutes", "0.25", "--images-per-class", "8", "--quiet", "--out", Out]);
        var said = fit.StandardError.ReadToEnd();
        fit.WaitForExit();
        Assert.Equal((0, ""), (fit.ExitCode, said));
    }

    public string Out => Path.Combine(_folder, "out");

    public string Images => Path.Combine(_folder, "images");

    public string File(string name) => Path.Combine(Out, name);

    /// <summary>What the training process said of the test images.</summary>
    internal (string Image, string Label, string Predicted, double Score)[] Predictions() =>
        [.. System.IO.File.ReadLines(File("predictions.csv")).Skip(1).Select(line => line.Split(','))
            .Select(cells => (cells[0], cells[1], cells[2], double.Parse(cells[3], CultureInfo.InvariantCulture)))];

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
