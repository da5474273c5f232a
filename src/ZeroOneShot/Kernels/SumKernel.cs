using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;
using static ZeroOneShot.Kernels.Arithmetic;

namespace ZeroOneShot.Kernels;

/// <summary>Sums of features, and their products, on tensors in the order of <see cref="Lanes"/>.</summary>
internal static unsafe class SumKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // Numbers of the sum that stay in the cache while all terms are added.
    private const long ChunkSize = 1 << 12;

    private static int Lanes => Vector512<T>.Count;

    /// <summary>sum += the terms, each times its factor.</summary>
    public static void Add(Tensor sum, IReadOnlyList<(Tensor Term, double Factor)> terms)
    {
        var y = new Planes<T>(sum);
        var x = terms.Select(term => new Planes<T>(term.Term)).ToArray();
        Workers.Each(y.Groups * y.Channels, y.PlaneSize, i =>
        {
            var (group, channel) = (i / y.Channels, i % y.Channels);
            for (var first = 0L; first < y.PlaneSize; first += ChunkSize)
            {
                var count = Math.Min(ChunkSize, y.PlaneSize - first);
                for (var term = 0; term < x.Length; term++)
                    Add(y[group, channel] + first, x[term][group, channel] + first, count, T.CreateTruncating(terms[term].Factor));
            }
        });
    }

    /// <summary>The sum of all products of two numbers in the same place.</summary>
    public static double Product(Tensor a, Tensor b)
    {
        var (x, y) = (new Planes<T>(a), new Planes<T>(b));
        var products = new double[x.Groups * x.Channels];
        Workers.Each(products.Length, x.PlaneSize, i =>
            products[i] = Product(x[i / x.Channels, i % x.Channels], y[i / x.Channels, i % x.Channels], x.PlaneSize));
        return products.Sum();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Add(T* sum, T* term, long count, T factor)
    {
        var f = Vector512.Create(factor);
        for (var i = 0L; i < count; i += Lanes)
            MultiplyAdd(Vector512.Load(term + i), f, Vector512.Load(sum + i)).Store(sum + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static double Product(T* a, T* b, long count)
    {
        var (sum0, sum1, sum2, sum3) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
        var i = 0L;
        for (; i + 4 * Lanes <= count; i += 4 * Lanes)
        {
            sum0 = MultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), sum0);
            sum1 = MultiplyAdd(Vector512.Load(a + i + Lanes), Vector512.Load(b + i + Lanes), sum1);
            sum2 = MultiplyAdd(Vector512.Load(a + i + 2 * Lanes), Vector512.Load(b + i + 2 * Lanes), sum2);
            sum3 = MultiplyAdd(Vector512.Load(a + i + 3 * Lanes), Vector512.Load(b + i + 3 * Lanes), sum3);
        }
        for (; i < count; i += Lanes)
            sum0 = MultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), sum0);
        return double.CreateTruncating(Vector512.Sum(sum0 + sum1 + (sum2 + sum3)));
    }
}
