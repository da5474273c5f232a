using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// The output of a module that is to be added to a sum: the features, times a factor and plus a term for every channel where there are any.
/// </summary>
internal readonly record struct Summand(Tensor Features, double[]? Factors = null, double[]? Terms = null) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Features.Dispose();
}
