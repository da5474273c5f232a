using System.Globalization;
using System.IO.Compression;
using Xunit;

[assembly: AssemblyFixture(typeof(ZeroOneShot.Tool.Tests.TinyRun))]

namespace ZeroOneShot.Tool.Tests;

/// <summary>One small fit, and its images as files, for all tests.</summary>
public sealed class TinyRun : IDisposable
{
    /// <summary>The options of a run of seconds.</summary>
    internal static readonly string[] Tiny = ["--method", "Zero-One-Shot-RND", "--minutes", "0.25", "--images-per-class", "8"];

    private readonly string _folder = Directory.CreateTempSubdirectory("zerooneshot-test-").FullName;

    public TinyRun()
    {
        ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "fashion-mnist-small.zip"), Images);
        Fit = Tool.Run(["fit", Images, "--grey", "--linear", .. Tiny, "--out", Out]);
    }

    internal Tool.Result Fit { get; }

    public string Out => New("out");

    public string Images => New("images");

    public string AnImage => Path.Combine(Images, Predictions()[0].Image);

    public string File(string name) => Path.Combine(Out, name);

    /// <summary>A path beside the run that nothing else uses.</summary>
    public string New(string name) => Path.Combine(_folder, name);

    /// <summary>What predictions.csv says of the test images.</summary>
    internal (string Image, string Label, string Predicted, double Score)[] Predictions() =>
        [.. System.IO.File.ReadLines(File("predictions.csv")).Skip(1).Select(line => line.Split(','))
            .Select(cells => (cells[0], cells[1], cells[2], double.Parse(cells[3], CultureInfo.InvariantCulture)))];

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
