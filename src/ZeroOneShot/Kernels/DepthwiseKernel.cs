using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;
using static ZeroOneShot.Kernels.Arithmetic;

namespace ZeroOneShot.Kernels;

/// <summary>
/// Depthwise convolutions, y_c = w_c * max(x_c, 0) or w_c * x_c, and their gradients, on tensors in the order of <see cref="Lanes"/>.
/// </summary>
internal static unsafe class DepthwiseKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Lanes => Vector512<T>.Count;

    /// <summary>y, into features of the right size.</summary>
    /// <param name="input">x.</param>
    /// <param name="weight">w: C x 1 x k x k.</param>
    /// <param name="output">y.</param>
    /// <param name="window">How the window slides.</param>
    /// <param name="rectify">Whether negative numbers of x count as 0.</param>
    public static void Forward(Tensor input, Tensor weight, Tensor output, Window window, bool rectify)
    {
        var (x, y) = (new Planes<T>(input), new Planes<T>(output));
        var taps = Memory.Of<T>(weight);
        var padded = new PaddedPlane<T>(x.Height, x.Width, window.Padding, window.Padding);
        Workers.Each(x.Groups * x.Channels, x.PlaneSize * window.Side, i =>
        {
            var (group, channel) = (i / x.Channels, i % x.Channels);
            var copy = Memory.Scratch<T>(padded.Size);
            padded.Fill(copy, x[group, channel], T.Zero, rectify);
            Slide(copy, padded.RowLength, taps + channel * window.Taps, y[group, channel], y.Height, y.Width, window);
        });
    }

    /// <summary>dL/dx from dL/dy.</summary>
    /// <param name="gradient">dL/dy.</param>
    /// <param name="weight">w.</param>
    /// <param name="inputGradient">dL/dx, of the right size.</param>
    /// <param name="window">How the window slides.</param>
    /// <param name="rectified">x where its negative numbers counted as 0, or null: dL/dx is 0 where it is not positive.</param>
    public static void InputGradient(Tensor gradient, Tensor weight, Tensor inputGradient, Window window, Tensor? rectified)
    {
        var (g, gx) = (new Planes<T>(gradient), new Planes<T>(inputGradient));
        var x = rectified is null ? (Planes<T>?)null : new Planes<T>(rectified);
        var taps = Memory.Of<T>(weight);
        var (size, keepsSize) = (window.Taps, window.KeepsSize);
        var border = keepsSize
            ? new PaddedPlane<T>(g.Height, g.Width, window.Padding, window.Padding)
            : new PaddedPlane<T>(gx.Height, gx.Width, window.Padding, window.Padding);
        Workers.Each(gx.Groups * gx.Channels, gx.PlaneSize * window.Side, i =>
        {
            var (group, channel) = (i / gx.Channels, i % gx.Channels);
            var copy = Memory.Scratch<T>(border.Size);
            var gate = x is { } rectified ? rectified[group, channel] : null;
            if (keepsSize)
            {
                // The convolution of dL/dy with the kernel turned by half a circle.
                var turned = stackalloc T[size];
                for (var tap = 0; tap < size; tap++)
                    turned[tap] = taps[channel * size + size - 1 - tap];
                border.Fill(copy, g[group, channel], T.Zero, rectify: false);
                Slide(copy, border.RowLength, turned, gx[group, channel], gx.Height, gx.Width, window);
                if (gate != null)
                    Gate(gx[group, channel], gate, gx.PlaneSize);
            }
            else
            {
                new Span<T>(copy, (int)border.Size).Clear();
                Spread(g[group, channel], g.Height, g.Width, taps + channel * size, copy, border.RowLength, window);
                border.Take(copy, gx[group, channel], gate);
            }
        });
    }

    /// <summary>Adds dL/dw.</summary>
    public static void AddWeightGradient(Tensor gradient, Tensor input, Tensor weightGradient, Window window, bool rectify)
    {
        var (g, x) = (new Planes<T>(gradient), new Planes<T>(input));
        var sums = Memory.Of<T>(weightGradient);
        var padded = new PaddedPlane<T>(x.Height, x.Width, window.Padding, window.Padding);
        var size = window.Taps;
        Workers.Each(x.Channels, x.Groups * x.PlaneSize * window.Side, channel =>
        {
            var copy = Memory.Scratch<T>(padded.Size + (long)size * Lanes);
            var taps = copy + padded.Size;
            new Span<T>(taps, size * Lanes).Clear();
            for (var group = 0; group < x.Groups; group++)
            {
                padded.Fill(copy, x[group, channel], T.Zero, rectify);
                Correlate(copy, padded.RowLength, g[group, channel], g.Height, g.Width, taps, window);
            }
            for (var tap = 0; tap < size; tap++)
                sums[channel * size + tap] += Vector512.Sum(Vector512.Load(taps + tap * Lanes));
        });
    }

    /// <summary>Slides a window over a padded plane, four places at a time: their sums stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void Slide(T* padded, int rowLength, T* taps, T* output, int height, int width, Window window)
    {
        var ((rows, columns), stride) = (window.Kernel, window.Stride.Height);
        var (step, across, down) = (window.Stride.Width * Lanes, window.Dilation.Width * Lanes, window.Dilation.Height * rowLength);
        for (var y = 0; y < height; y++)
        {
            var row = padded + y * stride * rowLength;
            var to = output + y * width * Lanes;
            var x = 0;
            for (; x + 4 <= width; x += 4, row += 4 * step, to += 4 * Lanes)
            {
                var (sum0, sum1, sum2, sum3) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
                var tap = taps;
                for (var i = 0; i < rows; i++)
                {
                    var at = row + i * down;
                    for (var j = 0; j < columns; j++, at += across)
                    {
                        var w = Vector512.Create(*tap++);
                        sum0 = MultiplyAdd(Vector512.Load(at), w, sum0);
                        sum1 = MultiplyAdd(Vector512.Load(at + step), w, sum1);
                        sum2 = MultiplyAdd(Vector512.Load(at + 2 * step), w, sum2);
                        sum3 = MultiplyAdd(Vector512.Load(at + 3 * step), w, sum3);
                    }
                }
                sum0.Store(to);
                sum1.Store(to + Lanes);
                sum2.Store(to + 2 * Lanes);
                sum3.Store(to + 3 * Lanes);
            }
            for (; x < width; x++, row += step, to += Lanes)
            {
                var sum = Vector512<T>.Zero;
                var tap = taps;
                for (var i = 0; i < rows; i++)
                {
                    var at = row + i * down;
                    for (var j = 0; j < columns; j++, at += across)
                        sum = MultiplyAdd(Vector512.Load(at), Vector512.Create(*tap++), sum);
                }
                sum.Store(to);
            }
        }
    }

    /// <summary>The transpose of <see cref="Slide"/>: adds every number, times the window, to the padded plane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void Spread(T* gradient, int height, int width, T* taps, T* padded, int rowLength, Window window)
    {
        var ((rows, columns), stride, dilation) = (window.Kernel, window.Stride, window.Dilation);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var g = Vector512.Load(gradient + (y * width + x) * Lanes);
                var tap = taps;
                for (var i = 0; i < rows; i++)
                {
                    var at = padded + (y * stride.Height + i * dilation.Height) * rowLength + x * stride.Width * Lanes;
                    for (var j = 0; j < columns; j++, at += dilation.Width * Lanes)
                        MultiplyAdd(g, Vector512.Create(*tap++), Vector512.Load(at)).Store(at);
                }
            }
        }
    }

    /// <summary>For every tap, adds the products of what it met with the gradient there: lane by lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Correlate(T* padded, int rowLength, T* gradient, int height, int width, T* taps, Window window)
    {
        var ((rows, columns), stride, dilation) = (window.Kernel, window.Stride.Height, window.Dilation);
        var step = window.Stride.Width * Lanes;
        for (var y = 0; y < height; y++)
        {
            var row = gradient + y * width * Lanes;
            for (var i = 0; i < rows; i++)
            {
                for (var j = 0; j < columns; j++)
                {
                    var at = padded + (y * stride + i * dilation.Height) * rowLength + j * dilation.Width * Lanes;
                    var g = row;
                    var tap = taps + (i * columns + j) * Lanes;
                    var (sum0, sum1, sum2, sum3) = (Vector512.Load(tap), Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
                    var x = 0;
                    for (; x + 4 <= width; x += 4, at += 4 * step, g += 4 * Lanes)
                    {
                        sum0 = MultiplyAdd(Vector512.Load(at), Vector512.Load(g), sum0);
                        sum1 = MultiplyAdd(Vector512.Load(at + step), Vector512.Load(g + Lanes), sum1);
                        sum2 = MultiplyAdd(Vector512.Load(at + 2 * step), Vector512.Load(g + 2 * Lanes), sum2);
                        sum3 = MultiplyAdd(Vector512.Load(at + 3 * step), Vector512.Load(g + 3 * Lanes), sum3);
                    }
                    for (; x < width; x++, at += step, g += Lanes)
                        sum0 = MultiplyAdd(Vector512.Load(at), Vector512.Load(g), sum0);
                    (sum0 + sum1 + (sum2 + sum3)).Store(tap);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Gate(T* numbers, T* gate, long count)
    {
        for (var i = 0L; i < count; i += Lanes)
            (Vector512.Load(numbers + i) & Vector512.GreaterThan(Vector512.Load(gate + i), Vector512<T>.Zero)).Store(numbers + i);
    }
}
