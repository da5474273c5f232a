using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>A weight of a ranked network, and the gradient of a loss with respect to it.</summary>
/// <param name="Name">Its name in the network, for example <c>cells.0._ops.4._ops.5.op.1.weight</c>.</param>
/// <param name="Weight">The weight itself; do not change or dispose it.</param>
/// <param name="Gradient">Of the weight's shape; lives as long as the <see cref="LossGradient"/> it is of.</param>
public sealed record WeightGradient(string Name, Tensor Weight, Tensor Gradient);
