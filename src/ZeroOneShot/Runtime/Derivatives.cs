using static TorchSharp.torch;

namespace ZeroOneShot.Runtime;

/// <summary>
/// Gradients by libtorch's autograd that are returned, not added to <c>grad</c>. TorchSharp's own call ends the process where libtorch
/// refuses, for example because nothing that the output depends on has a gradient; here those are zeros.
/// </summary>
internal static class Derivatives
{
    /// <summary>d output / d inputs; they belong to the current scope.</summary>
    /// <param name="output">What is derived: a scalar, or as many numbers as <paramref name="towards"/>.</param>
    /// <param name="inputs">Tensors that require gradients.</param>
    /// <param name="towards">The gradient of the output; null: 1.</param>
    /// <param name="retain">Whether the graph is needed again.</param>
    /// <param name="create">Whether the gradients have graphs of their own, for second derivatives; the graph is kept then.</param>
    public static Tensor[] Of(Tensor output, IReadOnlyList<Tensor> inputs, Tensor? towards = null, bool retain = false, bool create = false)
    {
        if (towards is null ? output.numel() != 1 : !towards.shape.SequenceEqual(output.shape))
        {
            throw new ArgumentException(
                $"The output is [{string.Join(", ", output.shape)}]; expected one number, or the shape of its gradient.", nameof(output));
        }
        if (!output.requires_grad)
            return [.. inputs.Select(input => zeros_like(input))];
        var gradients = autograd.grad(
            [output], [.. inputs], towards is null ? null : [towards], retain_graph: retain || create, create_graph: create,
            allow_unused: true);
        return [.. gradients.Zip(inputs, (gradient, input) => gradient is null || gradient.IsInvalid ? zeros_like(input) : gradient)];
    }
}
