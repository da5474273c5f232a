using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using SkiaSharp;
using ZeroOneShot.ML;
using ZeroOneShot.Report;
using ZeroOneShot.Tool.Data;

namespace ZeroOneShot.Tool.Runs;

/// <summary>The worst mistakes and some right answers, as small pictures.</summary>
internal static class Thumbnails
{
    private const int Most = 24, MostRight = 12, Side = 96;

    /// <summary>The report's part about the test images.</summary>
    /// <param name="evaluation">What was said of them.</param>
    /// <param name="images">The images, in the same order; null where they are not at hand.</param>
    public static TestResults Of(Evaluation evaluation, ImageList? images)
    {
        var all = evaluation.Predictions.Index().ToList();
        var mistakes = all.Where(at => at.Item.Label != at.Item.Predicted).OrderByDescending(at => at.Item.Score).Take(Most);
        // Of every class in turn, so that all are seen.
        var right = all.Where(at => at.Item.Label == at.Item.Predicted).GroupBy(at => at.Item.Label)
            .SelectMany(of => of.Select((at, i) => (At: at, Turn: i))).OrderBy(of => of.Turn).ThenBy(of => of.At.Item.Label)
            .Select(of => of.At).Take(MostRight);
        return new TestResults
        {
            ClassNames = evaluation.ClassNames,
            Predictions = evaluation.Predictions,
            Mistakes = images is null ? [] : [.. mistakes.Select(Picture).OfType<TestPicture>()],
            Correct = images is null ? [] : [.. right.Select(Picture).OfType<TestPicture>()],
        };

        TestPicture? Picture((int Index, TestPrediction Prediction) at)
        {
            try
            {
                using var image = images.Images[at.Index].Decode();
                return new TestPicture(at.Prediction, Png(image));
            }
            catch (ImageFaultException)
            {
                return null;                                        // gone since it was scored
            }
        }
    }

    private static byte[] Png(MLImage image)
    {
        var type = image.PixelFormat == MLPixelFormat.Bgra32 ? SKColorType.Bgra8888 : SKColorType.Rgba8888;
        using var whole = new SKBitmap(new SKImageInfo(image.Width, image.Height, type, SKAlphaType.Premul));
        Marshal.Copy(image.Pixels.ToArray(), 0, whole.GetPixels(), image.Width * image.Height * 4);
        var scale = Math.Min(1, Side / (double)Math.Max(image.Width, image.Height));
        using var small = whole.Resize(
            new SKImageInfo(Math.Max(1, (int)(image.Width * scale)), Math.Max(1, (int)(image.Height * scale))), SKFilterQuality.Medium);
        using var data = small.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
