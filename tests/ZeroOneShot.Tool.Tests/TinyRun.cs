using System.Globalization;
using System.IO.Compression;
using System.Text.Json.Nodes;
using Xunit;

[assembly: AssemblyFixture(typeof(ZeroOneShot.Tool.Tests.TinyRun))]

namespace ZeroOneShot.Tool.Tests;

/// <summary>One small fit, and its images as files, for all tests.</summary>
public sealed class TinyRun : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("zerooneshot-test-").FullName;

    public TinyRun()
    {
        ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "fashion-mnist-small.zip"), Images);
        Fit = Tool.Run(["fit", Images, "--linear", .. Tiny, "--out", Out]);
    }

    internal Tool.Result Fit { get; }

    /// <summary>The options of a run of seconds, by a plan, so that a busy machine does the same.</summary>
    internal string[] Tiny => Planned("tiny", epochs: 4);

    /// <summary>The same, with steps so large that weights grow beyond all bounds.</summary>
    internal string[] Diverging => Planned("diverging", epochs: 4, learningRate: 1e30);

    /// <summary>Those of one that is still at work when somebody stops it, and can be ended.</summary>
    internal string[] Long => Planned("long", epochs: 80);

    /// <summary>Those of one that nobody waits for.</summary>
    internal string[] Endless => Planned("endless", epochs: 10_000);

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

    /// <summary>Options for a plan of small sizes, of 80 images to train on.</summary>
    private string[] Planned(string name, int epochs, double? learningRate = null)
    {
        var stage = new JsonObject
        {
            ["stage"] = "search", ["channels"] = 4, ["cells"] = 3, ["batch_size"] = 16, ["epochs"] = 4, ["images"] = 72,
            ["time"] = "00:00:03", ["memory"] = 250_000_000,
        };
        var train = stage.DeepClone();
        (train["stage"], train["epochs"]) = ("train", epochs);
        if (learningRate is { } rate)
            train["learning_rate"] = rate;
        var file = New($"{name}-plan.json");
        System.IO.File.WriteAllText(file, new JsonObject
        {
            ["version"] = 1,
            ["plan"] = new JsonObject
            {
                ["time_budget"] = "00:00:15", ["max_memory"] = 1_000_000_000, ["method"] = "Zero-One-Shot-RND", ["train_images"] = 72,
                ["validation_images"] = 8, ["shape"] = new JsonObject { ["channels"] = 1, ["height"] = 32, ["width"] = 32 },
                ["classes"] = 10, ["stages"] = new JsonArray(stage, train), ["around"] = "00:00:03",
            },
        }.ToJsonString());
        return ["--images-per-class", "8", "--plan", file];
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
