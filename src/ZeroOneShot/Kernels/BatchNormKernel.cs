using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;
using static ZeroOneShot.Kernels.Arithmetic;

namespace ZeroOneShot.Kernels;

/// <summary>Batch normalisation and its gradient, on tensors in the order of <see cref="Lanes"/>, without scale and shift.</summary>
internal static unsafe class BatchNormKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Lanes => Vector512<T>.Count;

    /// <summary>Mean and variance (over n, not n - 1) of every channel.</summary>
    /// <param name="input">x.</param>
    /// <param name="images">Number of lanes that are images.</param>
    public static (double[] Means, double[] Variances) Statistics(Tensor input, long images)
    {
        var x = new Planes<T>(input);
        var count = (double)images * x.Pixels;
        var (means, variances) = (new double[x.Channels], new double[x.Channels]);
        Workers.Each(x.Channels, x.Groups * x.PlaneSize, channel =>
        {
            var (sum, squares) = (0.0, 0.0);
            for (var group = 0; group < x.Groups; group++)
                sum += Sum(x[group, channel], x.PlaneSize);
            var mean = sum / count;
            for (var group = 0; group < x.Groups; group++)
                squares += SquaredDistances(x[group, channel], x.PlaneSize, T.CreateTruncating(mean), Used(group, images));
            (means[channel], variances[channel]) = (mean, squares / count);
        });
        return (means, variances);
    }

    /// <summary>y = factor x + term, channel by channel, in x's memory or another; 0 in lanes that are no image.</summary>
    public static void Scale(Tensor input, Tensor output, long images, double[] factors, double[] terms)
    {
        var (x, y) = (new Planes<T>(input), new Planes<T>(output));
        Workers.Each(x.Channels, x.Groups * x.PlaneSize, channel =>
        {
            for (var group = 0; group < x.Groups; group++)
            {
                Scale(x[group, channel], y[group, channel], x.PlaneSize,
                    T.CreateTruncating(factors[channel]), T.CreateTruncating(terms[channel]), Used(group, images));
            }
        });
    }

    /// <summary>Sums of g and of g x over every channel, x being the normalised input: dL/dshift and dL/dscale.</summary>
    public static (double[] Sums, double[] Products) Products(Tensor gradient, Tensor normalized)
    {
        var (g, x) = (new Planes<T>(gradient), new Planes<T>(normalized));
        var (sums, products) = (new double[x.Channels], new double[x.Channels]);
        Workers.Each(x.Channels, x.Groups * x.PlaneSize, channel =>
        {
            for (var group = 0; group < x.Groups; group++)
            {
                var (sum, product) = Products(g[group, channel], x[group, channel], x.PlaneSize);
                (sums[channel], products[channel]) = (sums[channel] + sum, products[channel] + product);
            }
        });
        return (sums, products);
    }

    /// <summary>
    /// dL/dx = factor (g - mean(g) - x' mean(g x')), x' being the normalised input, in g's memory; 0 in lanes that are no image.
    /// </summary>
    public static void InputGradient(Tensor gradient, Tensor normalized, long images, double[] factors, double[] sums, double[] products)
    {
        var (g, x) = (new Planes<T>(gradient), new Planes<T>(normalized));
        var count = (double)images * x.Pixels;
        Workers.Each(x.Channels, x.Groups * x.PlaneSize, channel =>
        {
            for (var group = 0; group < x.Groups; group++)
            {
                InputGradient(g[group, channel], x[group, channel], x.PlaneSize, T.CreateTruncating(factors[channel]),
                    T.CreateTruncating(sums[channel] / count), T.CreateTruncating(products[channel] / count), Used(group, images));
            }
        });
    }

    /// <summary>All bits set in the lanes of a group that are images.</summary>
    private static Vector512<T> Used(int group, long images)
    {
        var used = images - (long)group * Lanes;
        if (used >= Lanes)
            return Vector512<T>.AllBitsSet;
        return Vector512.LessThan(Vector512.CreateSequence(T.Zero, T.One), Vector512.Create(T.CreateTruncating(used)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static double Sum(T* x, long count)
    {
        var (sum0, sum1, sum2, sum3) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
        var i = 0L;
        for (; i + 4 * Lanes <= count; i += 4 * Lanes)
        {
            sum0 += Vector512.Load(x + i);
            sum1 += Vector512.Load(x + i + Lanes);
            sum2 += Vector512.Load(x + i + 2 * Lanes);
            sum3 += Vector512.Load(x + i + 3 * Lanes);
        }
        for (; i < count; i += Lanes)
            sum0 += Vector512.Load(x + i);
        return double.CreateTruncating(Vector512.Sum(sum0 + sum1 + (sum2 + sum3)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static double SquaredDistances(T* x, long count, T mean, Vector512<T> used)
    {
        var m = Vector512.Create(mean);
        var (sum0, sum1, sum2, sum3) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
        var i = 0L;
        for (; i + 4 * Lanes <= count; i += 4 * Lanes)
        {
            var (d0, d1) = (Vector512.Load(x + i) - m & used, Vector512.Load(x + i + Lanes) - m & used);
            var (d2, d3) = (Vector512.Load(x + i + 2 * Lanes) - m & used, Vector512.Load(x + i + 3 * Lanes) - m & used);
            (sum0, sum1) = (MultiplyAdd(d0, d0, sum0), MultiplyAdd(d1, d1, sum1));
            (sum2, sum3) = (MultiplyAdd(d2, d2, sum2), MultiplyAdd(d3, d3, sum3));
        }
        for (; i < count; i += Lanes)
        {
            var d = Vector512.Load(x + i) - m & used;
            sum0 = MultiplyAdd(d, d, sum0);
        }
        return double.CreateTruncating(Vector512.Sum(sum0 + sum1 + (sum2 + sum3)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Scale(T* x, T* y, long count, T factor, T term, Vector512<T> used)
    {
        var (f, t) = (Vector512.Create(factor), Vector512.Create(term));
        for (var i = 0L; i < count; i += Lanes)
            (MultiplyAdd(Vector512.Load(x + i), f, t) & used).Store(y + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static (double Sum, double Product) Products(T* g, T* x, long count)
    {
        var (sum0, sum1, product0, product1) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
        var i = 0L;
        for (; i + 2 * Lanes <= count; i += 2 * Lanes)
        {
            var (g0, g1) = (Vector512.Load(g + i), Vector512.Load(g + i + Lanes));
            (sum0, sum1) = (sum0 + g0, sum1 + g1);
            product0 = MultiplyAdd(g0, Vector512.Load(x + i), product0);
            product1 = MultiplyAdd(g1, Vector512.Load(x + i + Lanes), product1);
        }
        for (; i < count; i += Lanes)
        {
            var g0 = Vector512.Load(g + i);
            (sum0, product0) = (sum0 + g0, MultiplyAdd(g0, Vector512.Load(x + i), product0));
        }
        return (double.CreateTruncating(Vector512.Sum(sum0 + sum1)), double.CreateTruncating(Vector512.Sum(product0 + product1)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void InputGradient(T* g, T* x, long count, T factor, T mean, T product, Vector512<T> used)
    {
        var (f, m, p) = (Vector512.Create(factor), Vector512.Create(mean), Vector512.Create(-product));
        for (var i = 0L; i < count; i += Lanes)
            (MultiplyAdd(Vector512.Load(x + i), p, Vector512.Load(g + i) - m) * f & used).Store(g + i);
    }
}
