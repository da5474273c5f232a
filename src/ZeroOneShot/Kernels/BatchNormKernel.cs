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
    /// y = scale (factor x + term) + shift, channel by channel, in x's memory or another; 0 in lanes that are no image.
    /// </summary>
    /// <param name="input">x.</param>
    /// <param name="output">y, or a sum that it is added to.</param>
    /// <param name="images">Number of lanes that are images.</param>
    /// <param name="factors">Of every channel.</param>
    /// <param name="terms">Of every channel.</param>
    /// <param name="scales">Of every channel.</param>
    /// <param name="shifts">Of every channel.</param>
    /// <param name="ofImages">A factor of y for every image, groups x 1 x 1 x 1 x lanes; null: 1.</param>
    /// <param name="adds">Whether y is added to what is there.</param>
    public static void ScaleTwice(
        Tensor input, Tensor output, long images, double[] factors, double[] terms, double[] scales, double[] shifts,
        Tensor? ofImages = null, bool adds = false)
    {
        var (x, y) = (new Planes<T>(input), new Planes<T>(output));
        SumKernel<T>.ThrowIfOther(x, y);
        var f = ofImages is null ? null : Memory.Of<T>(ofImages);
        Workers.Each(x.Channels, x.Groups * x.PlaneSize, channel =>
        {
            T* used = stackalloc T[Lanes], ones = stackalloc T[Lanes];
            new Span<T>(ones, Lanes).Fill(T.One);
            for (var group = 0; group < x.Groups; group++)
            {
                MarkUsed(used, group, images);
                Loops.Widest.ScaleTwice(x[group, channel], y[group, channel], x.PlaneSize,
                    T.CreateTruncating(factors[channel]), T.CreateTruncating(terms[channel]), T.CreateTruncating(scales[channel]),
                    T.CreateTruncating(shifts[channel]), used, f == null ? ones : f + group * Lanes, adds);
            }
        });
        GC.KeepAlive(ofImages);
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

    /// <summary>Sums of g and of g x' over every channel, x' being the normalised input: dL/dshift and dL/dscale.</summary>
    /// <param name="gradient">g.</param>
    /// <param name="input">x, of which x' = factor x + term; x' itself where these are null.</param>
    /// <param name="factors">Of every channel.</param>
    /// <param name="terms">Of every channel.</param>
    public static (double[] Sums, double[] Products) Products(
        Tensor gradient, Tensor input, double[]? factors = null, double[]? terms = null)
    {
        var (g, x) = (new Planes<T>(gradient), new Planes<T>(input));
        SumKernel<T>.ThrowIfOther(x, g);
        var (sums, products) = (new double[x.Channels], new double[x.Channels]);
        Workers.Each(x.Channels, x.Groups * x.PlaneSize, channel =>
        {
            for (var group = 0; group < x.Groups; group++)
            {
                var (sum, product) = Loops.Widest.Products(
                    g[group, channel], x[group, channel], x.PlaneSize, Factor(factors, channel), Term(terms, channel));
                (sums[channel], products[channel]) = (sums[channel] + sum, products[channel] + product);
            }
        });
        return (sums, products);
    }

    /// <summary>
    /// dL/dx = rate (g - mean(g) - x' mean(g x')), x' being the normalised input, in g's or x's memory or another; 0 in lanes that are
    /// no image.
    /// </summary>
    /// <param name="gradient">g.</param>
    /// <param name="input">x, of which x' = factor x + term; x' itself where these are null.</param>
    /// <param name="inputGradient">dL/dx.</param>
    /// <param name="images">Number of lanes that are images.</param>
    /// <param name="rates">Of every channel.</param>
    /// <param name="sums">Of g.</param>
    /// <param name="products">Sums of g x'.</param>
    /// <param name="factors">Of every channel.</param>
    /// <param name="terms">Of every channel.</param>
    public static void InputGradient(
        Tensor gradient, Tensor input, Tensor inputGradient, long images, double[] rates, double[] sums, double[] products,
        double[]? factors = null, double[]? terms = null)
    {
        var (g, x, gx) = (new Planes<T>(gradient), new Planes<T>(input), new Planes<T>(inputGradient));
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
                    T.CreateTruncating(rates[channel]), T.CreateTruncating(sums[channel] / count),
                    T.CreateTruncating(products[channel] / count), Factor(factors, channel), Term(terms, channel), used);
            }
        });
    }

    private static T Factor(double[]? factors, int channel) => factors is null ? T.One : T.CreateTruncating(factors[channel]);

    private static T Term(double[]? terms, int channel) => terms is null ? T.Zero : T.CreateTruncating(terms[channel]);

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

        public abstract void ScaleTwice(
            T* x, T* y, long count, T factor, T term, T scale, T shift, T* used, T* ofImages, bool adds);

        public abstract (double Sum, double Product) Products(T* g, T* x, long count, T factor, T term);

        public abstract void InputGradient(
            T* g, T* x, T* y, long count, T rate, T mean, T product, T factor, T term, T* used);
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
            var (used0, used1, used2, used3) = Pixels(used);
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
            var (used0, used1, used2, used3) = Pixels(used);
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
            var (used0, used1, used2, used3) = Pixels(used);
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
        public override void ScaleTwice(
            T* x, T* y, long count, T factor, T term, T scale, T shift, T* used, T* ofImages, bool adds)
        {
            var (f, t, g, s) = (V.Create(factor), V.Create(term), V.Create(scale), V.Create(shift));
            var (used0, used1, used2, used3) = Pixels(used);
            var (d0, d1, d2, d3) = Pixels(ofImages);
            var i = 0L;
            for (; i + 4 * V.Count <= count; i += 4 * V.Count)
            {
                One(i, used0, d0);
                One(i + V.Count, used1, d1);
                One(i + 2 * V.Count, used2, d2);
                One(i + 3 * V.Count, used3, d3);
            }
            for (; i < count; i += V.Count)
                One(i, V.Load(used + i % Lanes), V.Load(ofImages + i % Lanes));

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            void One(long at, V mark, V ofImage)
            {
                var normalized = V.MultiplyAdd(V.Load(x + at), f, t) & mark;
                var scaled = (V.MultiplyAdd(normalized, g, s) & mark) * ofImage;
                (adds ? V.Load(y + at) + scaled : scaled).Store(y + at);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override (double Sum, double Product) Products(T* g, T* x, long count, T factor, T term)
        {
            var (f, t) = (V.Create(factor), V.Create(term));
            var (sum0, sum1, product0, product1) = (default(V), default(V), default(V), default(V));
            var i = 0L;
            for (; i + 2 * V.Count <= count; i += 2 * V.Count)
            {
                var (g0, g1) = (V.Load(g + i), V.Load(g + i + V.Count));
                (sum0, sum1) = (sum0 + g0, sum1 + g1);
                product0 = V.MultiplyAdd(g0, V.MultiplyAdd(V.Load(x + i), f, t), product0);
                product1 = V.MultiplyAdd(g1, V.MultiplyAdd(V.Load(x + i + V.Count), f, t), product1);
            }
            for (; i < count; i += V.Count)
            {
                var g0 = V.Load(g + i);
                (sum0, product0) = (sum0 + g0, V.MultiplyAdd(g0, V.MultiplyAdd(V.Load(x + i), f, t), product0));
            }
            return (double.CreateTruncating(V.Sum(sum0 + sum1)), double.CreateTruncating(V.Sum(product0 + product1)));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void InputGradient(
            T* g, T* x, T* y, long count, T rate, T mean, T product, T factor, T term, T* used)
        {
            var (r, m, p, f, t) = (V.Create(rate), V.Create(mean), V.Create(-product), V.Create(factor), V.Create(term));
            var (used0, used1, used2, used3) = Pixels(used);
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
            V Centered(long i) => V.MultiplyAdd(V.MultiplyAdd(V.Load(x + i), f, t), p, V.Load(g + i) - m) * r;
        }

        /// <summary>What belongs to four registers that follow one another, of the numbers of a pixel.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static (V, V, V, V) Pixels(T* numbers) => (V.Load(numbers), V.Load(numbers + V.Count % Lanes),
            V.Load(numbers + 2 * V.Count % Lanes), V.Load(numbers + 3 * V.Count % Lanes));
    }
}
