using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>A weight of a ranked network, and the gradient of a loss with respect to it.</summary>
/// <param name="name"><see cref="Name"/>.</param>
/// <param name="weight"><see cref="Weight"/>.</param>
/// <param name="gradient"><see cref="Gradient"/>.</param>
public sealed class WeightGradient(string name, Tensor weight, Tensor gradient)
{
    /// <summary>Its name in the network, for example <c>cells.0._ops.4._ops.5.op.1.weight</c>.</summary>
    public string Name { get; } = name;

    /// <summary>The weight itself; do not change or dispose it.</summary>
    public Tensor Weight { get; } = weight;

    /// <summary>Of the weight's shape; lives as long as the <see cref="LossGradient"/> it is of.</summary>
    public Tensor Gradient { get; } = gradient;
}
