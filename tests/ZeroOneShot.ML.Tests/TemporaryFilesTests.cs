using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;
using Xunit;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML.Tests;

/// <summary>Neither a Fit nor a model nor a pool leaves anything in the temporary folder, nor needs one where that can be.</summary>
public sealed class TemporaryFilesTests(TrainedModel trained) : IClassFixture<TrainedModel>, IDisposable
{
    private readonly MLContext _ml = trained.ML;
    private readonly TemporaryFolder _temporary = new();
    private readonly string? _before = Environment.GetEnvironmentVariable("TMPDIR");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("TMPDIR", _before);
        _temporary.Dispose();
    }

    [Fact]
    public void A_model_is_trained_and_used_with_a_temporary_folder_that_cannot_be_written_and_is_saved_when_another_is_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "TMPDIR is Unix's.");
        using var folder = new TemporaryFolder();
        var unusable = folder.Write("file");                        // whoever runs this, root too, can make nothing in a file
        Environment.SetEnvironmentVariable("TMPDIR", unusable);
        var ml = new MLContext(seed: 1) { TempFilePath = unusable };
        var data = Toy.Data(ml);
        var warnings = new List<string>();
        ml.Log += (_, message) =>
        {
            if (message.Kind == ChannelMessageKind.Warning)
                warnings.Add(message.RawMessage);
        };
        var search = Toy.Search();
        bool? beforeSteps = null;
        search.Progress = new EachStep(() => beforeSteps ??= warnings.Count > 0);
        using var model = ml.Transforms.ZeroShotPrune(Toy.Prune()).Append(ml.Transforms.MaskedDartsSearch(search))
            .Append(Toy.Trainer(ml)).Fit(data);
        // Before anything was searched, and before the found network was trained, then with its size.
        Assert.Equal(2, warnings.Count);
        Assert.Contains($"'{unusable}', which cannot take what Model.Save writes there first", warnings[0]);
        Assert.Contains($"'{unusable}', which cannot take the 0 MiB that Model.Save writes there first", warnings[1]);
        Assert.True(beforeSteps == true, "The search had begun when the first warning came.");
        Assert.Equal(48, model.Transform(data).GetColumn<float[]>("Score").Count());
        model.LastTransformer.ExportOnnx(folder.File("model.onnx"));
        model.LastTransformer.Weights.Save(folder.File("model.safetensors"));
        // ML.NET's writing of zips needs some place itself; the model is still there afterwards.
        Assert.ThrowsAny<IOException>(() => ml.Model.Save(model, data.Schema, folder.File("model.zip")));
        ml.TempFilePath = _temporary.FullName;
        ml.Model.Save(model, data.Schema, folder.File("model.zip"));
        Assert.NotNull(ml.Model.ReadSearchInfo(folder.File("model.zip"), Toy.Space).Mask);
        Assert.Empty(Directory.GetFileSystemEntries(_temporary.FullName));
    }

    [Fact]
    public void A_pool_has_nothing_in_the_temporary_folder_once_it_is_loaded_nor_when_it_cannot_be()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There a file that is open stays until it is closed.");
        Environment.SetEnvironmentVariable("TMPDIR", _temporary.FullName);
        var zip = Path.Combine(trained.Folder, "images.zip");
        var images = _ml.Data.LoadFromEnumerable(Array.Empty<Pictures>());
        using (var pixels = _ml.Transforms.ImagePixels("Features", "Image", Toy.Side, Toy.Side).Fit(images))
        using (var model = new TransformerChain<ITransformer>(pixels, trained.Model.LastTransformer))
            _ml.Model.Save(model, null, zip);
        using (var pool = ImageClassifierPool.Load(zip))
            Assert.Empty(Directory.GetFileSystemEntries(_temporary.FullName));

        Environment.SetEnvironmentVariable("TMPDIR", Path.Combine(_temporary.FullName, "nowhere"));
        var error = Assert.Throws<IOException>(() => ImageClassifierPool.Load(zip));
        Assert.Contains("nowhere", error.Message);
        Assert.Contains("set TMPDIR", error.Message);

        Environment.SetEnvironmentVariable("TMPDIR", _temporary.FullName);
        var damaged = File.ReadAllBytes(zip);
        damaged.AsSpan(damaged.Length / 2, 200).Clear();
        File.WriteAllBytes(Path.Combine(trained.Folder, "damaged.zip"), damaged);
        Assert.ThrowsAny<Exception>(() => ImageClassifierPool.Load(Path.Combine(trained.Folder, "damaged.zip")));
        Assert.Empty(Directory.GetFileSystemEntries(_temporary.FullName));
    }

    [Fact]
    public void What_a_dead_process_has_left_is_removed_and_what_a_living_one_holds_is_not()
    {
        using var gone = Process.Start(new ProcessStartInfo("dotnet", "--version") { RedirectStandardOutput = true })!;
        gone.StandardOutput.ReadToEnd();
        gone.WaitForExit();
        var deadFolder = Directory.CreateDirectory(_temporary.File("zerooneshot-load-dead"));
        File.WriteAllText(Path.Combine(deadFolder.FullName, "lock"), "");
        File.WriteAllText(Path.Combine(deadFolder.FullName, "model"), "");
        var deadFile = _temporary.Write($"zerooneshot-{gone.Id}-{Guid.NewGuid():N}.onnx");
        var ownFile = _temporary.Write($"zerooneshot-{Environment.ProcessId}-{Guid.NewGuid():N}.onnx");
        var others = Directory.CreateDirectory(_temporary.File("zerooneshot-load-of-mine"));
        File.WriteAllText(Path.Combine(others.FullName, "notes"), "");
        var living = Directory.CreateDirectory(_temporary.File("zerooneshot-load-living"));
        using var held = new FileStream(Path.Combine(living.FullName, "lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        LoadingFolder.Sweep(_temporary.FullName);
        Assert.Equal(new[] { living.FullName, others.FullName, ownFile }.Order(),
            Directory.GetFileSystemEntries(_temporary.FullName).Order());
        LoadingFolder.Sweep(_temporary.File("nowhere"));
    }

    private sealed class EachStep(Action act) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => act();
    }

    private sealed class Pictures
    {
        [ImageType(Toy.Side, Toy.Side)]
        public MLImage? Image { get; set; }
    }
}
