using System.Drawing;

namespace ZeroOneShot.ML;

/// <summary>How images are read.</summary>
public sealed class ImageReadOptions
{
    /// <summary>
    /// The colour behind transparent pixels, without transparency of its own. Default white. Null: transparent pixels stay so, their
    /// colours multiplied by alpha as ML.NET decodes them, for <see cref="ImagePixelsEstimator"/> to lay its colour behind.
    /// </summary>
    public Color? Background { get; set; } = Color.White;

    /// <summary>What is refused, and the size at which images are decoded. Default: as <see cref="ImageLimits"/> says.</summary>
    public ImageLimits Limits { get; set; } = new();

    /// <summary>For what lays a colour behind later.</summary>
    internal static ImageReadOptions Transparent { get; } = new() { Background = null };
}
