using System.IO.Compression;
using Microsoft.ML;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>
/// Real photographs: the Sign Language Digits Dataset (Arda Mavi and others, Apache-2.0), 2,062 JPEGs of hands in Dataset/0 to Dataset/9.
/// They are no part of the repository; SIGN_DIGITS names the zip of them.
/// </summary>
public sealed class SignDigitsTests : IDisposable
{
    private const int Side = 128, Photographs = 2062, OneOf = 10;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Photographs_go_through_the_whole_chain_to_a_zip_that_classifies_without_TorchSharp()
    {
        var zip = Environment.GetEnvironmentVariable("SIGN_DIGITS");
        Assert.SkipWhen(string.IsNullOrEmpty(zip), "Set SIGN_DIGITS to the zip of the Sign Language Digits Dataset.");
        var files = Unpack(zip);
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadImageFolder(_folder.File("train"));
        using var model = ml.Transforms.ImagePixels("Features", "Image", height: Side, width: Side)
            .Append(ml.Transforms.ZeroShotPrune(new ZeroShotPruneEstimator.Options
            {
                Settings = new() { BatchSize = 32, Batches = 1, Initializations = 1, Supernet = new() { Channels = 8, Cells = 3 } },
            }))
            .Append(ml.Transforms.MaskedDartsSearch(new MaskedDartsSearchEstimator.Options
            {
                Settings = new() { BatchSize = 32, Epochs = 3, WarmupEpochs = 1, Supernet = new() { Channels = 8, Cells = 3 } },
            }))
            .Append(ml.MulticlassClassification.Trainers.CellNet(new CellNetTrainer.Options
            {
                Settings = new()
                {
                    BatchSize = 32, Epochs = 15, DropPath = 0, Augmentation = Augmentation.ForSize(Side),
                    Network = new() { Channels = 8, Cells = 3, AuxiliaryHead = false },
                },
            })).Fit(data);
        Assert.Equal("imagenet", model.LastTransformer.Weights.Network.Stem);
        Assert.Equal(SearchMethod.ZeroOneShot.Name, model.LastTransformer.Method);
        Assert.True(model.LastTransformer.Mask!.TotalLive < OperationMask.Full(SearchSpace.Darts).TotalLive);
        ml.Model.Save(model, data.Schema, _folder.File("model.zip"));

        var (exitCode, output, errors) = ServingTests.Predict([_folder.File("model.zip"), .. files]);
        Assert.Equal((0, ""), (exitCode, errors));
        var right = output.TrimEnd().Split('\n').Zip(files).Count(pair =>
            pair.First.StartsWith($"{pair.Second}: {Path.GetFileName(Path.GetDirectoryName(pair.Second))} ", StringComparison.Ordinal));
        TestContext.Current.SendDiagnosticMessage($"{right} of {files.Length} photographs not trained on are classified right.");
        Assert.InRange(right, files.Length * 8 / 10, files.Length);             // a tenth by chance
    }

    /// <summary>The photographs: nine in ten of every digit to train on, the others, whose paths are returned, to classify.</summary>
    private string[] Unpack(string zip)
    {
        using var archive = ZipFile.OpenRead(zip);
        var digits = archive.Entries.Where(entry => entry.Name.EndsWith(".JPG", StringComparison.OrdinalIgnoreCase))
            .GroupBy(entry => Path.GetFileName(Path.GetDirectoryName(entry.FullName))!).ToArray();
        Assert.Equal((10, Photographs), (digits.Length, digits.Sum(digit => digit.Count())));
        foreach (var digit in digits)
        {
            foreach (var (i, entry) in digit.OrderBy(entry => entry.Name, StringComparer.Ordinal).Index())
            {
                var folder = _folder.File(Path.Combine(i % OneOf == 0 ? "test" : "train", digit.Key));
                Directory.CreateDirectory(folder);
                entry.ExtractToFile(Path.Combine(folder, entry.Name));
            }
        }
        return [.. Directory.GetFiles(_folder.File("test"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
    }
}
