using Microsoft.ML;
using Xunit;

namespace ZeroOneShot.ML.Tests;

public sealed class OnnxFileTests
{
    [Fact]
    public void A_disposed_model_leaves_no_temporary_file()
    {
        var ml = new MLContext(seed: 1);
        var data = Toy.Data(ml);
        var before = Files();
        var model = ml.MulticlassClassification.Trainers.CellNet(Toy.TrainByHand()).Fit(data);
        Assert.Single(Files().Except(before));
        model.Dispose();
        Assert.Equal(before, Files());
    }

    private static string[] Files() =>
        [.. Directory.GetFiles(Path.GetTempPath(), $"zerooneshot-{Environment.ProcessId}-*.onnx").Order(StringComparer.Ordinal)];
}
