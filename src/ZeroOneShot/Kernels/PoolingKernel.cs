using System.Numerics;
using System.Runtime.CompilerServices;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Kernels;

/// <summary>Poolings and the choice of every n-th pixel, and their gradients, on tensors in the order of <see cref="Lanes"/>.</summary>
internal static unsafe class PoolingKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Lanes => Kernels.Lanes.Count<T>();

    /// <summary>The maximum in every window; windows may reach over the image's edge.</summary>
    /// <param name="input">x.</param>
    /// <param name="output">y, of the right size.</param>
    /// <param name="kernel">Side of the window.</param>
    /// <param name="stride">Pixels from a window to the next.</param>
    /// <param name="padding">Rows and columns by which the first window begins outside the image.</param>
    public static void Max(Tensor input, Tensor output, int kernel, int stride, int padding)
    {
        var (x, y, window) = (new Planes<T>(input), new Planes<T>(output), Window.Square(kernel, stride, padding));
        var padded = PaddedPlane<T>.AroundPool(x.Height, x.Width, window);
        Workers.Each(x.Groups * x.Channels, x.PlaneSize, i =>
        {
            var (group, channel) = (i / x.Channels, i % x.Channels);
            var copy = Memory.Scratch<T>(padded.Size);
            padded.Fill(copy, x[group, channel], T.NegativeInfinity, rectify: false);
            Loops.Widest.Max(copy, padded.RowLength, x.Height, y[group, channel], y.Height, y.Width, window);
        });
    }

    /// <summary>dL/dx: the gradient goes to the first maximum of every window.</summary>
    public static void MaxGradient(Tensor gradient, Tensor input, Tensor output, Tensor inputGradient, int kernel, int stride, int padding)
    {
        var (g, x, y, gx) = (new Planes<T>(gradient), new Planes<T>(input), new Planes<T>(output), new Planes<T>(inputGradient));
        var window = Window.Square(kernel, stride, padding);
        var padded = PaddedPlane<T>.AroundPool(x.Height, x.Width, window);
        Workers.Each(x.Groups * x.Channels, x.PlaneSize, i =>
        {
            var (group, channel) = (i / x.Channels, i % x.Channels);
            var copy = Memory.Scratch<T>(2 * padded.Size);
            var sums = copy + padded.Size;
            padded.Fill(copy, x[group, channel], T.NegativeInfinity, rectify: false);
            new Span<T>(sums, (int)padded.Size).Clear();
            Loops.Widest.SpreadToMaxima(
                copy, sums, padded.RowLength, x.Height, g[group, channel], y[group, channel], y.Height, y.Width, window);
            padded.Take(sums, gx[group, channel], gate: null);
        });
    }

    /// <summary>The mean over the pixels of every window that lie in the image.</summary>
    /// <param name="input">x.</param>
    /// <param name="output">y, of the right size.</param>
    /// <param name="window">The window.</param>
    /// <param name="rectify">Whether negative numbers of x count as 0.</param>
    public static void Average(Tensor input, Tensor output, Window window, bool rectify = false)
    {
        var (x, y) = (new Planes<T>(input), new Planes<T>(output));
        var padded = PaddedPlane<T>.AroundPool(x.Height, x.Width, window);
        Workers.Each(x.Groups * x.Channels, x.PlaneSize, i =>
        {
            var (group, channel) = (i / x.Channels, i % x.Channels);
            var copy = Memory.Scratch<T>(padded.Size);
            padded.Fill(copy, x[group, channel], T.Zero, rectify);
            var ones = stackalloc T[window.Taps];
            new Span<T>(ones, window.Taps).Fill(T.One);
            DepthwiseKernel<T>.Loops.Widest.Slide(
                copy, padded.RowLength, x.Height, ones, y[group, channel], y.Height, y.Width, window, gate: null);
            Loops.Widest.DivideByArea(y[group, channel], y[group, channel], y.Height, y.Width, x.Height, x.Width, window);
        });
    }

    /// <summary>dL/dx of <see cref="Average"/>.</summary>
    /// <param name="gradient">dL/dy.</param>
    /// <param name="inputGradient">dL/dx, of the right size.</param>
    /// <param name="window">The window.</param>
    /// <param name="rectified">x where its negative numbers counted as 0, or null: dL/dx is 0 where it is not positive.</param>
    public static void AverageGradient(Tensor gradient, Tensor inputGradient, Window window, Tensor? rectified = null)
    {
        var (g, gx) = (new Planes<T>(gradient), new Planes<T>(inputGradient));
        Planes<T>? x = rectified is null ? null : new Planes<T>(rectified);
        var padded = PaddedPlane<T>.AroundPool(gx.Height, gx.Width, window);
        Workers.Each(gx.Groups * gx.Channels, gx.PlaneSize, i =>
        {
            var (group, channel) = (i / gx.Channels, i % gx.Channels);
            var sums = Memory.Scratch<T>(padded.Size + g.PlaneSize);
            var means = sums + padded.Size;
            new Span<T>(sums, (int)padded.Size).Clear();
            Loops.Widest.DivideByArea(g[group, channel], means, g.Height, g.Width, gx.Height, gx.Width, window);
            var ones = stackalloc T[window.Taps];
            new Span<T>(ones, window.Taps).Fill(T.One);
            DepthwiseKernel<T>.Loops.Widest.Spread(means, g.Height, g.Width, ones, sums, padded.RowLength, gx.Height, window);
            padded.Take(sums, gx[group, channel], x is { } gate ? gate[group, channel] : null);
        });
    }

    /// <summary>
    /// What every tap of a window meets, as a channel of its own: channel c k^2 + t of the result is channel c shifted to tap t. Zeros
    /// outside the image.
    /// </summary>
    /// <param name="image">x.</param>
    /// <param name="neighbours">The result, of the right size.</param>
    /// <param name="window">The window; one tap takes every stride-th pixel of every stride-th row.</param>
    public static void Unfold(Tensor image, Tensor neighbours, Window window) => Walk(image, neighbours, window, Loops.Widest.Unfold);

    /// <summary>Adds dL/dx of <see cref="Unfold"/> to what is there.</summary>
    public static void AddUnfoldGradient(Tensor gradient, Tensor imageGradient, Window window) =>
        Walk(imageGradient, gradient, window, Loops.Widest.AddUnfolded);

    /// <summary>Does something with rows of an image and what a tap meets there.</summary>
    private delegate void OfRow(T* row, int step, T* neighbours, int before, int inside, int after);

    private static void Walk(Tensor image, Tensor neighbours, Window window, OfRow work)
    {
        var (x, y) = (new Planes<T>(image), new Planes<T>(neighbours));
        var (columns, stride) = (window.Kernel.Width, window.Stride.Width);
        var step = stride * Lanes;
        Workers.Each(x.Groups * x.Channels, x.PlaneSize, i =>
        {
            var (group, channel) = (i / x.Channels, i % x.Channels);
            var from = x[group, channel];
            for (var tap = 0; tap < window.Taps; tap++)
            {
                var to = y[group, channel * window.Taps + tap];
                var left = tap % columns * window.Dilation.Width - window.Padding.Width;
                // Columns of the result in which the tap lies before the image, and in which it lies in the image or before.
                var before = Math.Min((Math.Max(-left, 0) + stride - 1) / stride, y.Width);
                var until = Math.Clamp((x.Width - left + stride - 1) / stride, before, y.Width);
                for (var row = 0; row < y.Height; row++, to += y.Width * Lanes)
                {
                    var top = row * window.Stride.Height + tap / columns * window.Dilation.Height - window.Padding.Height;
                    if (top >= 0 && top < x.Height)
                        work(from + (top * x.Width + left + before * stride) * Lanes, step, to, before, until - before, y.Width - until);
                    else
                        work(null, step, to, y.Width, 0, 0);
                }
            }
        });
    }

    /// <summary>The loops over a plane or a row.</summary>
    private abstract class Loops
    {
        public static Loops Widest { get; } =
            Registers.Widest<Loops>(new Loops<Register512<T>>(), new Loops<Register256<T>>(), new Loops<Register128<T>>());

        /// <summary>The maximum in every window.</summary>
        public abstract void Max(T* padded, int rowLength, int rows, T* output, int height, int width, Window window);

        /// <summary>Adds the gradient of every window to the first number in it that is its maximum.</summary>
        public abstract void SpreadToMaxima(
            T* padded, T* sums, int rowLength, int rows, T* gradient, T* maxima, int height, int width, Window window);

        /// <summary>Sums of windows over the number of pixels of each that lie in the image.</summary>
        public abstract void DivideByArea(T* sums, T* means, int height, int width, int imageHeight, int imageWidth, Window window);

        /// <summary>A row of neighbours: zeros, pixels of an image's row that are a step apart, and zeros.</summary>
        public abstract void Unfold(T* row, int step, T* neighbours, int before, int inside, int after);

        /// <summary>Adds a row of neighbours to the pixels that they came from.</summary>
        public abstract void AddUnfolded(T* row, int step, T* neighbours, int before, int inside, int after);
    }

    private sealed class Loops<V> : Loops where V : struct, IRegister<V, T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Max(T* padded, int rowLength, int rows, T* output, int height, int width, Window window)
        {
            var (columns, step) = (window.Kernel.Width, window.Stride.Width * Lanes);
            for (var y = 0; y < height; y++)
            {
                var (from, until) = window.RowsInside(y, rows);
                var row = padded + (nint)(window.Top(y) + from) * rowLength;
                for (var x = 0; x < width; x++, row += step)
                {
                    for (var part = 0; part < Lanes; part += V.Count, output += V.Count)
                    {
                        var max = V.Load(row + part);
                        for (var i = 0; i < until - from; i++)
                        {
                            var at = row + part + (nint)i * rowLength;
                            for (var j = 0; j < columns; j++, at += Lanes)
                                max = V.Max(max, V.Load(at));
                        }
                        max.Store(output);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void SpreadToMaxima(
            T* padded, T* sums, int rowLength, int rows, T* gradient, T* maxima, int height, int width, Window window)
        {
            var (columns, step) = (window.Kernel.Width, window.Stride.Width * Lanes);
            for (var y = 0; y < height; y++)
            {
                var (from, until) = window.RowsInside(y, rows);
                var place = (nint)(window.Top(y) + from) * rowLength;
                for (var x = 0; x < width; x++, place += step)
                {
                    for (var part = 0; part < Lanes; part += V.Count, gradient += V.Count, maxima += V.Count)
                    {
                        var (max, rest) = (V.Load(maxima), V.Load(gradient));
                        for (var i = 0; i < until - from; i++)
                        {
                            var at = place + part + (nint)i * rowLength;
                            for (var j = 0; j < columns; j++, at += Lanes)
                            {
                                var found = V.AreEqual(V.Load(padded + at), max);
                                (V.Load(sums + at) + (rest & found)).Store(sums + at);
                                rest = V.AndNot(rest, found);
                            }
                        }
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void DivideByArea(
            T* sums, T* means, int height, int width, int imageHeight, int imageWidth, Window window)
        {
            for (var y = 0; y < height; y++)
            {
                var rows = Inside(y * window.Stride.Height - window.Padding.Height, window.Kernel.Height, imageHeight);
                for (var x = 0; x < width; x++)
                {
                    var columns = Inside(x * window.Stride.Width - window.Padding.Width, window.Kernel.Width, imageWidth);
                    var area = V.Create(T.CreateTruncating(rows * columns));
                    for (var part = 0; part < Lanes; part += V.Count, sums += V.Count, means += V.Count)
                        (V.Load(sums) / area).Store(means);
                }
            }

            static int Inside(int first, int count, int size) => Math.Min(first + count, size) - Math.Max(first, 0);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Unfold(T* row, int step, T* neighbours, int before, int inside, int after)
        {
            new Span<T>(neighbours, before * Lanes).Clear();
            neighbours += before * Lanes;
            for (var x = 0; x < inside; x++, row += step)
            {
                for (var part = 0; part < Lanes; part += V.Count, neighbours += V.Count)
                    V.Load(row + part).Store(neighbours);
            }
            new Span<T>(neighbours, after * Lanes).Clear();
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void AddUnfolded(T* row, int step, T* neighbours, int before, int inside, int after)
        {
            neighbours += before * Lanes;
            for (var x = 0; x < inside; x++, row += step)
            {
                for (var part = 0; part < Lanes; part += V.Count, neighbours += V.Count)
                    (V.Load(row + part) + V.Load(neighbours)).Store(row + part);
            }
        }
    }
}
