namespace ZeroOneShot.Networks;

/// <summary>A faster way to classify with an evaluation network, which a part of the library above networks knows.</summary>
internal static class Classification
{
    /// <summary>
    /// From a <see cref="CellNet"/> and images, N x C x H x W, the logits; null: there is none. Of objects, since it is set when this
    /// assembly is first used: a program that only predicts with a saved model must not load TorchSharp for it.
    /// </summary>
    internal static Func<object, object, object>? InLanes { get; set; }
}
