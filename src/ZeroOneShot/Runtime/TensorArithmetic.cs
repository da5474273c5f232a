using TorchSharp;
using static TorchSharp.torch;

namespace ZeroOneShot.Runtime;

/// <summary>
/// Arithmetic of tensors with numbers. TorchSharp wraps every number in a native object that its finalizer frees, and nothing keeps that
/// object alive while libtorch reads it: when another thread causes a garbage collection at that moment, the process ends with "Expected
/// false to be true" in Scalar.h. (Also <c>a + b</c> and <c>ToDouble()</c> make such an object.) Here they live until the call is over.
/// Code that runs step after step uses these; elsewhere the operators are fine.
/// </summary>
internal static class TensorArithmetic
{
    private static readonly Scalar s_one = 1;

    /// <summary>a + b * c, in a's memory.</summary>
    public static Tensor AccumulateProduct(this Tensor a, Tensor b, Tensor c) => a.addcmul_(b, c, s_one);

    /// <summary>a + b.</summary>
    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, s_one);

    /// <summary>a + factor * b, in a's memory.</summary>
    public static Tensor Accumulate(this Tensor a, Tensor b, double factor = 1)
    {
        using Scalar alpha = factor;
        return a.add_(b, alpha);
    }

    /// <summary>factor * a.</summary>
    public static Tensor Times(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        return a.mul(scalar);
    }

    /// <summary>a / divisor.</summary>
    public static Tensor DividedBy(this Tensor a, double divisor)
    {
        using Scalar scalar = divisor;
        return a.div(scalar);
    }

    /// <summary>factor * a, in a's memory.</summary>
    public static Tensor Scale(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        return a.mul_(scalar);
    }

    /// <summary>a + number, in a's memory.</summary>
    public static Tensor Shift(this Tensor a, double number)
    {
        using Scalar scalar = number;
        return a.add_(scalar, s_one);                       // whose default would be another such object
    }

    /// <summary>a + 1, in a's memory, which may hold whole numbers.</summary>
    public static Tensor Increment(this Tensor a) => a.add_(s_one, s_one);

    /// <summary>The number in all of a's memory.</summary>
    public static Tensor Fill(this Tensor a, double number)
    {
        using Scalar scalar = number;
        return a.fill_(scalar);
    }

    /// <summary>1 where a is positive, else 0, in a's type.</summary>
    public static Tensor IsPositive(this Tensor a)
    {
        using Scalar zero = 0;
        using var positive = a.gt(zero);
        return positive.to(a.dtype);
    }

    /// <summary>The number in a tensor of one.</summary>
    public static double Value(this Tensor a) => HostRead.Of(a)[0][0];
}
