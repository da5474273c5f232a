using System.Globalization;
using Microsoft.ML.Runtime;

namespace ZeroOneShot.ML;

/// <summary>Which numbers are pixel values: one rule, for training and for scoring.</summary>
internal static class PixelValues
{
    // Values are rounded to whole grey levels, so that half a level beyond the ends still is a pixel.
    private const float Lowest = -0.5f, Highest = 255.5f;

    /// <summary>
    /// Refuses an image with a value that is no number or out of range, and one whose values seem to be scaled from 0 to 1.
    /// </summary>
    /// <param name="values">The values of one image; those that are left out are 0.</param>
    /// <param name="scale">What a value is multiplied by to be from 0 to 255.</param>
    /// <param name="column">The name of their column.</param>
    /// <param name="row">Their row, counted from 0.</param>
    /// <param name="context">The component that asks.</param>
    /// <exception cref="InvalidOperationException">They are no pixel values. The message names column, row and value.</exception>
    public static void Check(ReadOnlySpan<float> values, float scale, string column, long row, IExceptionContext context)
    {
        var (highest, whole) = (0f, true);
        foreach (var value in values)
        {
            var pixel = value * scale;
            if (!(pixel > Lowest && pixel < Highest))
                throw context.Process(new InvalidOperationException(OutOfRange(column, row, value, scale)));
            highest = Math.Max(highest, pixel);
            whole &= pixel == MathF.Round(pixel);
        }
        if (highest <= 1 && !whole)
            throw context.Process(new InvalidOperationException(SeemsScaled(column, row, highest, scale)));
    }

    /// <summary>
    /// Refuses a row whose number of values is not what its column's type says, which ML.NET does not look at: what lacks would be of the
    /// image before.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is not.</exception>
    public static void CheckCount(int count, int size, string column, long row)
    {
        if (count != size)
        {
            throw new InvalidOperationException($"Column '{column}' has {count} values in row {row} (counted from 0); expected {size}, " +
                "as its type says, the pixels of one image in all channels. Give every image that size, or leave the row out.");
        }
    }

    private static string OutOfRange(string column, long row, float value, float scale) => string.Create(CultureInfo.InvariantCulture,
        $"Column '{column}' has value {value} in row {row} (counted from 0); expected pixel values from 0 to {255 / scale}, " +
        $"since PixelScale is {scale}. Do not normalise the pixels, or set PixelScale so that value x PixelScale is from 0 to 255.");

    private static string SeemsScaled(string column, long row, float highest, float scale) => string.Create(CultureInfo.InvariantCulture,
        $"Column '{column}' has no value above {highest / scale} in row {row} (counted from 0), and fractions among them; " +
        $"expected pixel values from 0 to {255 / scale}, since PixelScale is {scale}. " +
        $"If its values are scaled from 0 to 1, set PixelScale = 255.");
}
