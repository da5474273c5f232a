using Microsoft.ML.Data;

namespace ZeroOneShot.Tool.Data;

/// <summary>One image, not yet decoded.</summary>
/// <param name="Name">The path of its file, or a name that tells it from all others.</param>
/// <param name="Label">Its class, from 0.</param>
/// <param name="Decode">Makes the image, which its caller disposes.</param>
internal sealed record LabelledImage(string Name, int Label, Func<MLImage> Decode);
