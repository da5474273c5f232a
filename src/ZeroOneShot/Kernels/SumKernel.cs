using System.Numerics;
using System.Runtime.CompilerServices;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Kernels;

/// <summary>Sums of features, and their products, on tensors in the order of <see cref="Lanes"/>.</summary>
internal static unsafe class SumKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // Numbers of the sum that stay in the cache while all terms are added.
    private const long ChunkSize = 1 << 12;

    /// <summary>sum += the terms, each times its factor; or sum = the terms.</summary>
    public static void Add(Tensor sum, IReadOnlyList<(Tensor Term, double Factor)> terms, bool overwrite = false)
    {
        var y = new Planes<T>(sum);
        var x = terms.Select(term => new Planes<T>(term.Term)).ToArray();
        foreach (var term in x)
            ThrowIfOther(y, term);
        Workers.Each(y.Groups * y.Channels, y.PlaneSize, i =>
        {
            var (group, channel) = (i / y.Channels, i % y.Channels);
            for (var first = 0L; first < y.PlaneSize; first += ChunkSize)
            {
                var count = Math.Min(ChunkSize, y.PlaneSize - first);
                for (var term = 0; term < x.Length; term++)
                {
                    Loops.Widest.Add(y[group, channel] + first, x[term][group, channel] + first, count,
                        T.CreateTruncating(terms[term].Factor), overwrite && term == 0);
                }
            }
        });
    }

    internal static void ThrowIfOther(in Planes<T> sum, in Planes<T> term)
    {
        if ((term.Groups, term.Height, term.Width) != (sum.Groups, sum.Height, sum.Width) || term.Channels < sum.Channels)
        {
            throw new ArgumentException($"A term of {term.Groups} groups of {term.Channels}x{term.Height}x{term.Width} is added to a sum " +
                $"of {sum.Groups} groups of {sum.Channels}x{sum.Height}x{sum.Width}; expected the same size.");
        }
    }

    /// <summary>y = x times the factor, or sum += x times the factor.</summary>
    /// <param name="sum">y or the sum.</param>
    /// <param name="term">x.</param>
    /// <param name="factors">A factor for every image, groups x 1 x 1 x 1 x lanes; null: 1.</param>
    /// <param name="adds">Whether it is added to what is there.</param>
    public static void Take(Tensor sum, Tensor term, Tensor? factors, bool adds)
    {
        var (y, x) = (new Planes<T>(sum), new Planes<T>(term));
        ThrowIfOther(y, x);
        var f = factors is null ? null : Memory.Of<T>(factors);
        Workers.Each(y.Groups * y.Channels, y.PlaneSize, i =>
        {
            var (group, channel) = (i / y.Channels, i % y.Channels);
            Loops.Widest.Take(y[group, channel], x[group, channel], y.PlaneSize, f == null ? null : f + group * Lanes.Count<T>(), adds);
        });
        GC.KeepAlive(factors);
    }

    /// <summary>y = max(x, 0).</summary>
    public static void Rectify(Tensor input, Tensor output)
    {
        var (x, y) = (new Planes<T>(input), new Planes<T>(output));
        Workers.Each(y.Groups * y.Channels, y.PlaneSize, i =>
            Loops.Widest.Rectify(x[i / y.Channels, i % y.Channels], y[i / y.Channels, i % y.Channels], y.PlaneSize));
    }

    /// <summary>Zeros in a gradient where the gate is not positive.</summary>
    public static void Gate(Tensor gradient, Tensor gate)
    {
        var (g, y) = (new Planes<T>(gradient), new Planes<T>(gate));
        Workers.Each(y.Groups * y.Channels, y.PlaneSize, i =>
            Loops.Widest.Gate(g[i / y.Channels, i % y.Channels], y[i / y.Channels, i % y.Channels], y.PlaneSize));
    }

    /// <summary>The sum of all products of two numbers in the same place.</summary>
    public static double Product(Tensor a, Tensor b)
    {
        var (x, y) = (new Planes<T>(a), new Planes<T>(b));
        var products = new double[x.Groups * x.Channels];
        Workers.Each(products.Length, x.PlaneSize, i =>
            products[i] = Loops.Widest.Product(x[i / x.Channels, i % x.Channels], y[i / x.Channels, i % x.Channels], x.PlaneSize));
        return products.Sum();
    }

    private abstract class Loops
    {
        public static Loops Widest { get; } =
            Registers.Widest<Loops>(new Loops<Register512<T>>(), new Loops<Register256<T>>(), new Loops<Register128<T>>());

        public abstract void Add(T* sum, T* term, long count, T factor, bool overwrite);

        public abstract void Take(T* sum, T* term, long count, T* factors, bool adds);

        public abstract void Rectify(T* x, T* y, long count);

        public abstract void Gate(T* gradient, T* gate, long count);

        public abstract double Product(T* a, T* b, long count);
    }

    private sealed class Loops<V> : Loops where V : struct, IRegister<V, T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Add(T* sum, T* term, long count, T factor, bool overwrite)
        {
            var f = V.Create(factor);
            if (overwrite)
            {
                for (var i = 0L; i < count; i += V.Count)
                    (V.Load(term + i) * f).Store(sum + i);
                return;
            }
            for (var i = 0L; i < count; i += V.Count)
                V.MultiplyAdd(V.Load(term + i), f, V.Load(sum + i)).Store(sum + i);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Take(T* sum, T* term, long count, T* factors, bool adds)
        {
            var lanes = Lanes.Count<T>();
            for (var i = 0L; i < count; i += lanes)
            {
                for (nint part = 0; part < lanes; part += V.Count)
                {
                    var x = V.Load(term + i + part);
                    if (factors != null)
                        x *= V.Load(factors + part);
                    (adds ? V.Load(sum + i + part) + x : x).Store(sum + i + part);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Rectify(T* x, T* y, long count)
        {
            for (var i = 0L; i < count; i += V.Count)
                V.Rectified(V.Load(x + i)).Store(y + i);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Gate(T* gradient, T* gate, long count)
        {
            for (var i = 0L; i < count; i += V.Count)
                (V.Load(gradient + i) & V.IsPositive(V.Load(gate + i))).Store(gradient + i);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override double Product(T* a, T* b, long count)
        {
            var (sum0, sum1, sum2, sum3) = (default(V), default(V), default(V), default(V));
            var i = 0L;
            for (; i + 4 * V.Count <= count; i += 4 * V.Count)
            {
                sum0 = V.MultiplyAdd(V.Load(a + i), V.Load(b + i), sum0);
                sum1 = V.MultiplyAdd(V.Load(a + i + V.Count), V.Load(b + i + V.Count), sum1);
                sum2 = V.MultiplyAdd(V.Load(a + i + 2 * V.Count), V.Load(b + i + 2 * V.Count), sum2);
                sum3 = V.MultiplyAdd(V.Load(a + i + 3 * V.Count), V.Load(b + i + 3 * V.Count), sum3);
            }
            for (; i < count; i += V.Count)
                sum0 = V.MultiplyAdd(V.Load(a + i), V.Load(b + i), sum0);
            return double.CreateTruncating(V.Sum(sum0 + sum1 + (sum2 + sum3)));
        }
    }
}
