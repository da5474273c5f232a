using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace ZeroOneShot.ML.Tests;

/// <summary>An image in memory, of any size.</summary>
internal sealed class AnyImageRow
{
    [ImageType(1, 1)]
    public MLImage? Image { get; set; }

    [KeyType(2)]
    public uint Label { get; set; }
}
