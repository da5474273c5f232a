using static TorchSharp.torch;

namespace ZeroOneShot.Data;

/// <summary>The images of one step.</summary>
/// <param name="Images">Augmented and normalised, float32, N x C x H x W.</param>
/// <param name="Labels">Their classes, int64, N.</param>
/// <param name="Weights">How much they count, float32, N; null: all alike.</param>
internal readonly record struct Batch(Tensor Images, Tensor Labels, Tensor? Weights)
{
    /// <summary>Images and labels alone.</summary>
    public void Deconstruct(out Tensor images, out Tensor labels) => (images, labels) = (Images, Labels);
}
