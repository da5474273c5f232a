using System.Drawing;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;

namespace ZeroOneShot.ML.Tests;

/// <summary>What ImagePixels makes of a column.</summary>
internal static class Pixels
{
    public static float[][] Of(MLContext ml, IDataView data, string column, Color? background = null)
    {
        using var pixels = ml.Transforms.ImagePixels(
            "Features", column, PictureFolder.Side, PictureFolder.Side, background: background).Fit(data);
        var view = pixels.Transform(data);
        Assert.DoesNotContain(view.Schema, made => made.Name.StartsWith("Features."));
        return [.. view.GetColumn<float[]>("Features")];
    }
}
