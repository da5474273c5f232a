using System.Numerics;
using ZeroOneShot.Kernels;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// The output of a module that is to be added to a sum: the features, times a factor and plus a term for every channel where there are any,
/// and then again where there is a learned scale and shift.
/// </summary>
internal readonly record struct Summand(
    Tensor Features, double[]? Factors = null, double[]? Terms = null, double[]? Scales = null, double[]? Shifts = null) : IDisposable
{
    /// <summary>sum += the output, or sum = the output.</summary>
    /// <param name="sum">The sum.</param>
    /// <param name="images">Number of lanes that are images.</param>
    /// <param name="ofImages">A factor for every image, groups x 1 x 1 x 1 x lanes; null: 1.</param>
    /// <param name="adds">Whether it is added to what is there.</param>
    public void AddTo<T>(Tensor sum, long images, Tensor? ofImages, bool adds) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (Factors is null)
            SumKernel<T>.Take(sum, Features, ofImages, adds);
        else
            BatchNormKernel<T>.ScaleTwice(Features, sum, images, Factors, Terms!, Scales!, Shifts!, ofImages, adds);
    }

    /// <inheritdoc/>
    public void Dispose() => Features.Dispose();
}
