using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Kernels;

/// <summary>Poolings and the choice of every n-th pixel, and their gradients, on tensors in the order of <see cref="Lanes"/>.</summary>
internal static unsafe class PoolingKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Lanes => Vector512<T>.Count;

    /// <summary>The maximum in every window; windows may reach over the image's edge.</summary>
    /// <param name="input">x.</param>
    /// <param name="output">y, of the right size.</param>
    /// <param name="kernel">Side of the window.</param>
    /// <param name="stride">Pixels from a window to the next.</param>
    /// <param name="padding">Rows and columns by which the first window begins outside the image.</param>
    public static void Max(Tensor input, Tensor output, int kernel, int stride, int padding)
    {
        var (x, y) = (new Planes<T>(input), new Planes<T>(output));
        var padded = new PaddedPlane<T>(x.Height, x.Width, padding, kernel);
        Workers.Each(x.Groups * x.Channels, x.PlaneSize, i =>
        {
            var (group, channel) = (i / x.Channels, i % x.Channels);
            var copy = Memory.Scratch<T>(padded.Size);
            padded.Fill(copy, x[group, channel], T.NegativeInfinity, rectify: false);
            Max(copy, padded.RowLength, y[group, channel], y.Height, y.Width, kernel, stride);
        });
    }

    /// <summary>dL/dx: the gradient goes to the first maximum of every window.</summary>
    public static void MaxGradient(Tensor gradient, Tensor input, Tensor output, Tensor inputGradient, int kernel, int stride, int padding)
    {
        var (g, x, y, gx) = (new Planes<T>(gradient), new Planes<T>(input), new Planes<T>(output), new Planes<T>(inputGradient));
        var padded = new PaddedPlane<T>(x.Height, x.Width, padding, kernel);
        Workers.Each(x.Groups * x.Channels, x.PlaneSize, i =>
        {
            var (group, channel) = (i / x.Channels, i % x.Channels);
            var copy = Memory.Scratch<T>(2 * padded.Size);
            var sums = copy + padded.Size;
            padded.Fill(copy, x[group, channel], T.NegativeInfinity, rectify: false);
            new Span<T>(sums, (int)padded.Size).Clear();
            SpreadToMaxima(copy, sums, padded.RowLength, g[group, channel], y[group, channel], y.Height, y.Width, kernel, stride);
            padded.Take(sums, gx[group, channel], gate: null);
        });
    }

    /// <summary>The mean over the pixels of every window that lie in the image.</summary>
    public static void Average(Tensor input, Tensor output, int kernel, int stride, int padding)
    {
        var (x, y) = (new Planes<T>(input), new Planes<T>(output));
        var padded = new PaddedPlane<T>(x.Height, x.Width, padding, kernel);
        Workers.Each(x.Groups * x.Channels, x.PlaneSize, i =>
        {
            var (group, channel) = (i / x.Channels, i % x.Channels);
            var copy = Memory.Scratch<T>(padded.Size);
            padded.Fill(copy, x[group, channel], T.Zero, rectify: false);
            var ones = stackalloc T[kernel * kernel];
            new Span<T>(ones, kernel * kernel).Fill(T.One);
            DepthwiseKernel<T>.Slide(copy, padded.RowLength, ones, y[group, channel], y.Height, y.Width,
                Window.Square(kernel, stride, padding));
            DivideByArea(y[group, channel], y.Height, y.Width, x.Height, x.Width, kernel, stride, padding);
        });
    }

    /// <summary>dL/dx of <see cref="Average"/>.</summary>
    public static void AverageGradient(Tensor gradient, Tensor inputGradient, int kernel, int stride, int padding)
    {
        var (g, gx) = (new Planes<T>(gradient), new Planes<T>(inputGradient));
        var padded = new PaddedPlane<T>(gx.Height, gx.Width, padding, kernel);
        Workers.Each(gx.Groups * gx.Channels, gx.PlaneSize, i =>
        {
            var (group, channel) = (i / gx.Channels, i % gx.Channels);
            var sums = Memory.Scratch<T>(padded.Size + g.PlaneSize);
            var means = sums + padded.Size;
            new Span<T>(sums, (int)padded.Size).Clear();
            new Span<T>(g[group, channel], (int)g.PlaneSize).CopyTo(new Span<T>(means, (int)g.PlaneSize));
            DivideByArea(means, g.Height, g.Width, gx.Height, gx.Width, kernel, stride, padding);
            var ones = stackalloc T[kernel * kernel];
            new Span<T>(ones, kernel * kernel).Fill(T.One);
            DepthwiseKernel<T>.Spread(means, g.Height, g.Width, ones, sums, padded.RowLength,
                Window.Square(kernel, stride, padding));
            padded.Take(sums, gx[group, channel], gate: null);
        });
    }

    /// <summary>
    /// What every tap of a window meets, as a channel of its own: channel c n + t of the result, n being the number of taps, is channel c
    /// shifted to tap t. Zeros outside the image.
    /// </summary>
    /// <param name="image">x.</param>
    /// <param name="neighbours">The result, of the right size.</param>
    /// <param name="window">The window; one tap takes every stride-th pixel of every stride-th row.</param>
    public static void Unfold(Tensor image, Tensor neighbours, Window window) =>
        Walk(image, neighbours, window, static (pixel, neighbour) =>
            (pixel == null ? Vector512<T>.Zero : Vector512.Load(pixel)).Store(neighbour));

    /// <summary>Adds dL/dx of <see cref="Unfold"/> to what is there.</summary>
    public static void AddUnfoldGradient(Tensor gradient, Tensor imageGradient, Window window) =>
        Walk(imageGradient, gradient, window, static (pixel, neighbour) =>
        {
            if (pixel != null)
                (Vector512.Load(pixel) + Vector512.Load(neighbour)).Store(pixel);
        });

    private delegate void OfPixel(T* pixel, T* neighbour);

    private static void Walk(Tensor image, Tensor neighbours, Window window, OfPixel work)
    {
        var (x, y) = (new Planes<T>(image), new Planes<T>(neighbours));
        var (taps, columns) = (window.Taps, window.Kernel.Width);
        var (stride, dilation, padding) = (window.Stride, window.Dilation, window.Padding);
        Workers.Each(x.Groups * x.Channels, x.PlaneSize, i =>
        {
            var (group, channel) = (i / x.Channels, i % x.Channels);
            var from = x[group, channel];
            for (var tap = 0; tap < taps; tap++)
            {
                var to = y[group, channel * taps + tap];
                for (var row = 0; row < y.Height; row++)
                {
                    var top = row * stride.Height + tap / columns * dilation.Height - padding.Height;
                    for (var column = 0; column < y.Width; column++, to += Lanes)
                    {
                        var left = column * stride.Width + tap % columns * dilation.Width - padding.Width;
                        var inside = top >= 0 && top < x.Height && left >= 0 && left < x.Width;
                        work(inside ? from + (top * x.Width + left) * Lanes : null, to);
                    }
                }
            }
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Max(T* padded, int rowLength, T* output, int height, int width, int kernel, int stride)
    {
        for (var y = 0; y < height; y++)
        {
            var at = padded + y * stride * rowLength;
            for (var x = 0; x < width; x++, at += stride * Lanes, output += Lanes)
            {
                var max = Vector512.Load(at);
                for (var i = 0; i < kernel; i++)
                {
                    for (var j = 0; j < kernel; j++)
                        max = Vector512.Max(max, Vector512.Load(at + i * rowLength + j * Lanes));
                }
                max.Store(output);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void SpreadToMaxima(
        T* padded, T* sums, int rowLength, T* gradient, T* maxima, int height, int width, int kernel, int stride)
    {
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++, gradient += Lanes, maxima += Lanes)
            {
                var at = (long)y * stride * rowLength + x * stride * Lanes;
                var (max, rest) = (Vector512.Load(maxima), Vector512.Load(gradient));
                for (var i = 0; i < kernel; i++)
                {
                    for (var j = 0; j < kernel; j++)
                    {
                        var tap = at + i * rowLength + j * Lanes;
                        var found = Vector512.Equals(Vector512.Load(padded + tap), max);
                        (Vector512.Load(sums + tap) + (rest & found)).Store(sums + tap);
                        rest = Vector512.AndNot(rest, found);
                    }
                }
            }
        }
    }

    private static void DivideByArea(T* sums, int height, int width, int imageHeight, int imageWidth, int kernel, int stride, int padding)
    {
        for (var y = 0; y < height; y++)
        {
            var rows = Inside(y, imageHeight);
            for (var x = 0; x < width; x++, sums += Lanes)
                (Vector512.Load(sums) / Vector512.Create(T.CreateTruncating(rows * Inside(x, imageWidth)))).Store(sums);
        }

        int Inside(int at, int size) => Math.Min(at * stride - padding + kernel, size) - Math.Max(at * stride - padding, 0);
    }
}
