using System.Numerics;
using System.Runtime.CompilerServices;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Kernels;

/// <summary>Batch normalisation and its gradient, on tensors in the order of <see cref="Lanes"/>, without scale and shift.</summary>
internal static unsafe class BatchNormKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Lanes => Kernels.Lanes.Count<T>();

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
                sum += Loops.Widest.Sum(x[group, channel], x.PlaneSize);
            var mean = sum / count;
            var used = stackalloc T[Lanes];
            for (var group = 0; group < x.Groups; group++)
            {
                MarkUsed(used, group, images);
                squares += Loops.Widest.SquaredDistances(x[group, channel], x.PlaneSize, T.CreateTruncating(mean), used);
            }
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
            var used = stackalloc T[Lanes];
            for (var group = 0; group < x.Groups; group++)
            {
                MarkUsed(used, group, images);
                Loops.Widest.Scale(x[group, channel], y[group, channel], x.PlaneSize,
                    T.CreateTruncating(factors[channel]), T.CreateTruncating(terms[channel]), used);
            }
        });
    }

    /// <summary>
    /// n = factor x + term and y = scale n + shift, channel by channel in one pass, the same numbers whether n is wanted or not; 0 in lanes
    /// that are no image.
    /// </summary>
    /// <param name="input">x.</param>
    /// <param name="normalized">n, x's memory or another; null where it is not wanted.</param>
    /// <param name="output">y, x's memory or another, but not n's.</param>
    /// <param name="images">Number of lanes that are images.</param>
    /// <param name="factors">Of n.</param>
    /// <param name="terms">Of n.</param>
    /// <param name="scales">Of y.</param>
    /// <param name="shifts">Of y.</param>
    public static void ScaleTwice(
        Tensor input, Tensor? normalized, Tensor output, long images, double[] factors, double[] terms, double[] scales, double[] shifts)
    {
        var (x, y) = (new Planes<T>(input), new Planes<T>(output));
        var n = normalized is null ? y : new Planes<T>(normalized);
        Workers.Each(x.Channels, x.Groups * x.PlaneSize, channel =>
        {
            var used = stackalloc T[Lanes];
            for (var group = 0; group < x.Groups; group++)
            {
                MarkUsed(used, group, images);
                // y is written after n, whose place it takes where n is not wanted.
                Loops.Widest.ScaleTwice(x[group, channel], n[group, channel], y[group, channel], x.PlaneSize,
                    T.CreateTruncating(factors[channel]), T.CreateTruncating(terms[channel]),
                    T.CreateTruncating(scales[channel]), T.CreateTruncating(shifts[channel]), used);
            }
        });
    }

    /// <summary>
    /// sum += weight y, y = factor x + term as <see cref="Scale"/> makes it, bit for bit what adding y gives, without y's memory.
    /// </summary>
    /// <param name="sum">The sum.</param>
    /// <param name="input">x.</param>
    /// <param name="images">Number of lanes that are images.</param>
    /// <param name="factors">Of y.</param>
    /// <param name="terms">Of y.</param>
    /// <param name="weight">By which all of y is multiplied.</param>
    public static void AddScaled(Tensor sum, Tensor input, long images, double[] factors, double[] terms, double weight)
    {
        var (y, x) = (new Planes<T>(sum), new Planes<T>(input));
        SumKernel<T>.ThrowIfOther(x, y);               // of whose channels x has them all
        Workers.Each(x.Channels, x.Groups * x.PlaneSize, channel =>
        {
            var used = stackalloc T[Lanes];
            for (var group = 0; group < x.Groups; group++)
            {
                MarkUsed(used, group, images);
                Loops.Widest.AddScaled(y[group, channel], x[group, channel], x.PlaneSize, T.CreateTruncating(factors[channel]),
                    T.CreateTruncating(terms[channel]), T.CreateTruncating(weight), used);
            }
        });
    }

    /// <summary>Sums of g and of g x over every channel, x being the normalised input: dL/dshift and dL/dscale.</summary>
    public static (double[] Sums, double[] Products) Products(Tensor gradient, Tensor normalized)
    {
        var (g, x) = (new Planes<T>(gradient), new Planes<T>(normalized));
        SumKernel<T>.ThrowIfOther(x, g);
        var (sums, products) = (new double[x.Channels], new double[x.Channels]);
        Workers.Each(x.Channels, x.Groups * x.PlaneSize, channel =>
        {
            for (var group = 0; group < x.Groups; group++)
            {
                var (sum, product) = Loops.Widest.Products(g[group, channel], x[group, channel], x.PlaneSize);
                (sums[channel], products[channel]) = (sums[channel] + sum, products[channel] + product);
            }
        });
        return (sums, products);
    }

    /// <summary>
    /// dL/dx = factor (g - mean(g) - x' mean(g x')), x' being the normalised input, in g's or x's memory or another; 0 in lanes that are
    /// no image.
    /// </summary>
    public static void InputGradient(
        Tensor gradient, Tensor normalized, Tensor inputGradient, long images, double[] factors, double[] sums, double[] products)
    {
        var (g, x, gx) = (new Planes<T>(gradient), new Planes<T>(normalized), new Planes<T>(inputGradient));
        SumKernel<T>.ThrowIfOther(x, g);
        SumKernel<T>.ThrowIfOther(x, gx);
        var count = (double)images * x.Pixels;
        Workers.Each(x.Channels, x.Groups * x.PlaneSize, channel =>
        {
            var used = stackalloc T[Lanes];
            for (var group = 0; group < x.Groups; group++)
            {
                MarkUsed(used, group, images);
                Loops.Widest.InputGradient(g[group, channel], x[group, channel], gx[group, channel], x.PlaneSize,
                    T.CreateTruncating(factors[channel]), T.CreateTruncating(sums[channel] / count),
                    T.CreateTruncating(products[channel] / count), used);
            }
        });
    }

    /// <summary>All bits set in the lanes of a group that are images, none in the others.</summary>
    private static void MarkUsed(T* used, int group, long images)
    {
        var count = (int)Math.Clamp(images - (long)group * Lanes, 0, Lanes);
        new Span<byte>(used, count * sizeof(T)).Fill(byte.MaxValue);
        new Span<T>(used + count, Lanes - count).Clear();
    }

    /// <summary>The loops over a plane. Where only some lanes are used, the bits of these are set in a pixel of marks.</summary>
    private abstract class Loops
    {
        public static Loops Widest { get; } =
            Registers.Widest<Loops>(new Loops<Register512<T>>(), new Loops<Register256<T>>(), new Loops<Register128<T>>());

        public abstract double Sum(T* x, long count);

        public abstract double SquaredDistances(T* x, long count, T mean, T* used);

        public abstract void Scale(T* x, T* y, long count, T factor, T term, T* used);

        public abstract void AddScaled(T* sum, T* x, long count, T factor, T term, T weight, T* used);

        public abstract void ScaleTwice(T* x, T* n, T* y, long count, T factor, T term, T scale, T shift, T* used);

        public abstract (double Sum, double Product) Products(T* g, T* x, long count);

        public abstract void InputGradient(T* g, T* x, T* y, long count, T factor, T mean, T product, T* used);
    }

    private sealed class Loops<V> : Loops where V : struct, IRegister<V, T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override double Sum(T* x, long count)
        {
            var (sum0, sum1, sum2, sum3) = (default(V), default(V), default(V), default(V));
            var i = 0L;
            for (; i + 4 * V.Count <= count; i += 4 * V.Count)
            {
                sum0 += V.Load(x + i);
                sum1 += V.Load(x + i + V.Count);
                sum2 += V.Load(x + i + 2 * V.Count);
                sum3 += V.Load(x + i + 3 * V.Count);
            }
            for (; i < count; i += V.Count)
                sum0 += V.Load(x + i);
            return double.CreateTruncating(V.Sum(sum0 + sum1 + (sum2 + sum3)));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override double SquaredDistances(T* x, long count, T mean, T* used)
        {
            var m = V.Create(mean);
            var (used0, used1, used2, used3) = Used(used);
            var (sum0, sum1, sum2, sum3) = (default(V), default(V), default(V), default(V));
            var i = 0L;
            for (; i + 4 * V.Count <= count; i += 4 * V.Count)
            {
                var (d0, d1) = (V.Load(x + i) - m & used0, V.Load(x + i + V.Count) - m & used1);
                var (d2, d3) = (V.Load(x + i + 2 * V.Count) - m & used2, V.Load(x + i + 3 * V.Count) - m & used3);
                (sum0, sum1) = (V.MultiplyAdd(d0, d0, sum0), V.MultiplyAdd(d1, d1, sum1));
                (sum2, sum3) = (V.MultiplyAdd(d2, d2, sum2), V.MultiplyAdd(d3, d3, sum3));
            }
            for (; i < count; i += V.Count)
            {
                var d = V.Load(x + i) - m & V.Load(used + i % Lanes);
                sum0 = V.MultiplyAdd(d, d, sum0);
            }
            return double.CreateTruncating(V.Sum(sum0 + sum1 + (sum2 + sum3)));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Scale(T* x, T* y, long count, T factor, T term, T* used)
        {
            var (f, t) = (V.Create(factor), V.Create(term));
            var (used0, used1, used2, used3) = Used(used);
            var i = 0L;
            for (; i + 4 * V.Count <= count; i += 4 * V.Count)
            {
                (V.MultiplyAdd(V.Load(x + i), f, t) & used0).Store(y + i);
                (V.MultiplyAdd(V.Load(x + i + V.Count), f, t) & used1).Store(y + i + V.Count);
                (V.MultiplyAdd(V.Load(x + i + 2 * V.Count), f, t) & used2).Store(y + i + 2 * V.Count);
                (V.MultiplyAdd(V.Load(x + i + 3 * V.Count), f, t) & used3).Store(y + i + 3 * V.Count);
            }
            for (; i < count; i += V.Count)
                (V.MultiplyAdd(V.Load(x + i), f, t) & V.Load(used + i % Lanes)).Store(y + i);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void AddScaled(T* sum, T* x, long count, T factor, T term, T weight, T* used)
        {
            var (f, t, w) = (V.Create(factor), V.Create(term), V.Create(weight));
            var (used0, used1, used2, used3) = Used(used);
            var i = 0L;
            for (; i + 4 * V.Count <= count; i += 4 * V.Count)
            {
                One(i, used0);
                One(i + V.Count, used1);
                One(i + 2 * V.Count, used2);
                One(i + 3 * V.Count, used3);
            }
            for (; i < count; i += V.Count)
                One(i, V.Load(used + i % Lanes));

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            void One(long at, V mark) =>
                V.MultiplyAdd(V.MultiplyAdd(V.Load(x + at), f, t) & mark, w, V.Load(sum + at)).Store(sum + at);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void ScaleTwice(T* x, T* n, T* y, long count, T factor, T term, T scale, T shift, T* used)
        {
            var (f, t, g, s) = (V.Create(factor), V.Create(term), V.Create(scale), V.Create(shift));
            var (used0, used1, used2, used3) = Used(used);
            var i = 0L;
            for (; i + 4 * V.Count <= count; i += 4 * V.Count)
            {
                One(i, used0);
                One(i + V.Count, used1);
                One(i + 2 * V.Count, used2);
                One(i + 3 * V.Count, used3);
            }
            for (; i < count; i += V.Count)
                One(i, V.Load(used + i % Lanes));

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            void One(long at, V mark)
            {
                var normalized = V.MultiplyAdd(V.Load(x + at), f, t) & mark;
                normalized.Store(n + at);
                (V.MultiplyAdd(normalized, g, s) & mark).Store(y + at);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override (double Sum, double Product) Products(T* g, T* x, long count)
        {
            var (sum0, sum1, product0, product1) = (default(V), default(V), default(V), default(V));
            var i = 0L;
            for (; i + 2 * V.Count <= count; i += 2 * V.Count)
            {
                var (g0, g1) = (V.Load(g + i), V.Load(g + i + V.Count));
                (sum0, sum1) = (sum0 + g0, sum1 + g1);
                product0 = V.MultiplyAdd(g0, V.Load(x + i), product0);
                product1 = V.MultiplyAdd(g1, V.Load(x + i + V.Count), product1);
            }
            for (; i < count; i += V.Count)
            {
                var g0 = V.Load(g + i);
                (sum0, product0) = (sum0 + g0, V.MultiplyAdd(g0, V.Load(x + i), product0));
            }
            return (double.CreateTruncating(V.Sum(sum0 + sum1)), double.CreateTruncating(V.Sum(product0 + product1)));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void InputGradient(T* g, T* x, T* y, long count, T factor, T mean, T product, T* used)
        {
            var (f, m, p) = (V.Create(factor), V.Create(mean), V.Create(-product));
            var (used0, used1, used2, used3) = Used(used);
            var i = 0L;
            for (; i + 4 * V.Count <= count; i += 4 * V.Count)
            {
                (Centered(i) & used0).Store(y + i);
                (Centered(i + V.Count) & used1).Store(y + i + V.Count);
                (Centered(i + 2 * V.Count) & used2).Store(y + i + 2 * V.Count);
                (Centered(i + 3 * V.Count) & used3).Store(y + i + 3 * V.Count);
            }
            for (; i < count; i += V.Count)
                (Centered(i) & V.Load(used + i % Lanes)).Store(y + i);

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            V Centered(long i) => V.MultiplyAdd(V.Load(x + i), p, V.Load(g + i) - m) * f;
        }

        /// <summary>The marks of four registers that follow one another.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static (V, V, V, V) Used(T* used) =>
            (V.Load(used), V.Load(used + V.Count % Lanes), V.Load(used + 2 * V.Count % Lanes), V.Load(used + 3 * V.Count % Lanes));
    }
}
