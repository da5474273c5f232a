using System.Numerics;
using TorchSharp.Modules;
using ZeroOneShot.Kernels;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>Parameters and buffers of one number per channel, as the layers in lanes read and change them.</summary>
internal static unsafe class LaneNumbers<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The numbers of a tensor; null of none.</summary>
    public static double[]? Of(Tensor? values)
    {
        if (values is null)
            return null;
        var numbers = Memory.Of<T>(values);
        var result = new double[values.size(0)];
        for (var i = 0; i < result.Length; i++)
            result[i] = double.CreateTruncating(numbers[i]);
        return result;
    }

    /// <summary>The gradient of a parameter, zeros at first.</summary>
    public static Tensor Gradient(Parameter parameter) => parameter.grad ??= zeros_like(parameter);

    /// <summary>Adds to the gradient of a parameter that requires one.</summary>
    public static void AddToGradient(Parameter parameter, double[] gradient)
    {
        if (!parameter.requires_grad)
            return;
        using var sum = Gradient(parameter);
        var numbers = Memory.Of<T>(sum);
        for (var i = 0; i < gradient.Length; i++)
            numbers[i] += T.CreateTruncating(gradient[i]);
    }

    /// <summary>Moves a running average towards factor x values.</summary>
    public static void Move(Tensor running, double[] values, double factor, double momentum)
    {
        var numbers = Memory.Of<T>(running);
        for (var c = 0; c < values.Length; c++)
            numbers[c] += T.CreateTruncating(momentum * (factor * values[c] - double.CreateTruncating(numbers[c])));
    }
}
