using System.Numerics;
using System.Runtime.CompilerServices;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Kernels;

/// <summary>
/// Depthwise convolutions, y_c = w_c * max(x_c, 0) or w_c * x_c, and their gradients, on tensors in the order of <see cref="Lanes"/>.
/// </summary>
internal static unsafe class DepthwiseKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Lanes => Kernels.Lanes.Count<T>();

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
        var padded = PaddedPlane<T>.Around(x.Height, x.Width, window);
        Workers.Each(x.Groups * x.Channels, x.PlaneSize * window.Side, i =>
        {
            var (group, channel) = (i / x.Channels, i % x.Channels);
            var copy = Memory.Scratch<T>(padded.Size);
            padded.Fill(copy, x[group, channel], T.Zero, rectify);
            Loops.Widest.Slide(
                copy, padded.RowLength, x.Height, taps + channel * window.Taps, y[group, channel], y.Height, y.Width, window, gate: null);
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
            ? PaddedPlane<T>.Around(g.Height, g.Width, window)
            : PaddedPlane<T>.Around(gx.Height, gx.Width, window);
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
                Loops.Widest.Slide(
                    copy, border.RowLength, g.Height, turned, gx[group, channel], gx.Height, gx.Width, window, gate);
            }
            else
            {
                new Span<T>(copy, (int)border.Size).Clear();
                Loops.Widest.Spread(
                    g[group, channel], g.Height, g.Width, taps + channel * size, copy, border.RowLength, gx.Height, window);
                border.Take(copy, gx[group, channel], gate);
            }
        });
    }

    /// <summary>Adds dL/dw.</summary>
    public static void AddWeightGradient(Tensor gradient, Tensor input, Tensor weightGradient, Window window, bool rectify)
    {
        var (g, x) = (new Planes<T>(gradient), new Planes<T>(input));
        var sums = Memory.Of<T>(weightGradient);
        var padded = PaddedPlane<T>.Around(x.Height, x.Width, window);
        var size = window.Taps;
        Workers.Each(x.Channels, x.Groups * x.PlaneSize * window.Side, channel =>
        {
            var copy = Memory.Scratch<T>(padded.Size + (long)size * Lanes);
            var taps = copy + padded.Size;
            new Span<T>(taps, size * Lanes).Clear();
            for (var group = 0; group < x.Groups; group++)
            {
                padded.Fill(copy, x[group, channel], T.Zero, rectify);
                Loops.Widest.Correlate(copy, padded.RowLength, x.Height, g[group, channel], g.Height, g.Width, taps, window);
            }
            Loops.Widest.AddSums(taps, size, sums + channel * size);
        });
    }

    /// <summary>The loops over a plane.</summary>
    internal abstract class Loops
    {
        public static Loops Widest { get; } =
            Registers.Widest<Loops>(new Loops<Register512<T>>(), new Loops<Register256<T>>(), new Loops<Register128<T>>());

        /// <summary>Slides a window over a padded plane; zeros where there is a gate that is not positive.</summary>
        public abstract void Slide(
            T* padded, int rowLength, int rows, T* taps, T* output, int height, int width, Window window, T* gate);

        /// <summary>The transpose of <see cref="Slide"/>: adds every number, times the window, to the padded plane.</summary>
        public abstract void Spread(T* gradient, int height, int width, T* taps, T* padded, int rowLength, int rows, Window window);

        /// <summary>For every tap, adds the products of what it met with the gradient there, to a register of its own.</summary>
        public abstract void Correlate(
            T* padded, int rowLength, int rows, T* gradient, int height, int width, T* registers, Window window);

        /// <summary>Adds to every number the sum of a register.</summary>
        public abstract void AddSums(T* registers, int count, T* sums);
    }

    private sealed class Loops<V> : Loops where V : struct, IRegister<V, T>
    {
        // Pixels of a row that are computed together, in a loop that loads every pixel once for all taps of the window's row: two times
        // four, each a tap from the next. Sums of many results at once, since the processor begins several before the first is done.
        private const int Four = 4, Eight = 8;

        // Pixels of a gradient that are correlated with what a row of taps meets before the next row of taps, in a first-level cache.
        private const int CorrelatedPixels = 128;

        // Registers that a pixel takes. Elsewhere four registers are computed together: four, two or one pixels.
        private static int Parts
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => Lanes / V.Count;
        }

        /// <summary>Numbers from the first of four registers to the i-th, in an image of which every step-th pixel counts.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static nint At(int i, int step) => i / Parts * step + i % Parts * V.Count;

        /// <summary>Results from one to the next whose windows are a tap apart; 0 where the fast loops have no such.</summary>
        private static int Apart(Window window) =>
            window.Kernel.Width is 3 or 5 && window.Dilation.Width / window.Stride.Width is 1 or 2 &&
            window.Dilation.Width % window.Stride.Width == 0 ? window.Dilation.Width / window.Stride.Width : 0;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Slide(
            T* padded, int rowLength, int rows, T* taps, T* output, int height, int width, Window window, T* gate)
        {
            var columns = window.Kernel.Width;
            var (across, down) = ((nint)window.Dilation.Width * Lanes, (nint)window.Dilation.Height * rowLength);
            var step = window.Stride.Width * Lanes;
            var (at1, at2, at3) = (At(1, step), At(2, step), At(3, step));
            var apart = Apart(window);
            for (var y = 0; y < height; y++)
            {
                var (from, until) = window.RowsInside(y, rows);
                var row = padded + (nint)(window.Top(y) + from * window.Dilation.Height) * rowLength;
                var ofRow = taps + from * columns;
                var to = output + (nint)y * width * Lanes;
                var open = gate == null ? null : gate + (nint)y * width * Lanes;
                var x = 0;
                if (apart > 0)
                {
                    x = width / Eight * Eight;
                    if (columns == 3)
                        SlideThree(row, down, until - from, step, across, apart, ofRow, to, x, open);
                    else
                        SlideFive(row, down, until - from, step, across, apart, ofRow, to, x, open);
                    row += x * step;
                    to += x * Lanes;
                }
                for (; x + 4 / Parts <= width; x += 4 / Parts, row += 4 / Parts * step, to += 4 * V.Count)
                {
                    var (sum0, sum1, sum2, sum3) = (default(V), default(V), default(V), default(V));
                    var tap = ofRow;
                    for (var i = 0; i < until - from; i++)
                    {
                        var at = row + i * down;
                        for (var j = 0; j < columns; j++, at += across)
                        {
                            var w = V.Broadcast(tap++);
                            sum0 = V.MultiplyAdd(V.Load(at), w, sum0);
                            sum1 = V.MultiplyAdd(V.Load(at + at1), w, sum1);
                            sum2 = V.MultiplyAdd(V.Load(at + at2), w, sum2);
                            sum3 = V.MultiplyAdd(V.Load(at + at3), w, sum3);
                        }
                    }
                    var beside = open + (to - output) - (nint)y * width * Lanes;
                    Store(sum0, to, beside, open != null);
                    Store(sum1, to + V.Count, beside + V.Count, open != null);
                    Store(sum2, to + 2 * V.Count, beside + 2 * V.Count, open != null);
                    Store(sum3, to + 3 * V.Count, beside + 3 * V.Count, open != null);
                }
                for (; x < width; x++, row += step)
                {
                    for (var part = 0; part < Lanes; part += V.Count, to += V.Count)
                    {
                        var sum = default(V);
                        var tap = ofRow;
                        for (var i = 0; i < until - from; i++)
                        {
                            var at = row + part + i * down;
                            for (var j = 0; j < columns; j++, at += across)
                                sum = V.MultiplyAdd(V.Load(at), V.Broadcast(tap++), sum);
                        }
                        Store(sum, to, open + (to - output) - (nint)y * width * Lanes, open != null);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store(V sum, T* to, T* gate, bool isGated) =>
            (isGated ? sum & V.IsPositive(V.Load(gate)) : sum).Store(to);

        /// <summary>A row of results of three columns of taps, and as many rows as are given.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void SlideThree(
            T* row, nint down, int rows, nint step, nint across, int apart, T* taps, T* output, int width, T* gate)
        {
            var (second, next, other) = (apart == 1 ? Four * step : step, (nint)apart * Lanes, (nint)(apart == 1 ? Four : 1) * Lanes);
            for (var x = 0; x < width; x += Eight, row += Eight * step, output += Eight * Lanes)
            {
                for (nint part = 0; part < Lanes; part += V.Count)
                {
                    var (a0, a1, a2, a3) = (default(V), default(V), default(V), default(V));
                    var (b0, b1, b2, b3) = (default(V), default(V), default(V), default(V));
                    T* at = row + part, tap = taps;
                    for (var i = 0; i < rows; i++, at += down, tap += 3)
                    {
                        var (w0, w1, w2) = (V.Broadcast(tap), V.Broadcast(tap + 1), V.Broadcast(tap + 2));
                        var p = at;
                        var (u, v) = (V.Load(p), V.Load(p + second));
                        (a0, b0) = (V.MultiplyAdd(u, w0, a0), V.MultiplyAdd(v, w0, b0));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a0, b0) = (V.MultiplyAdd(u, w1, a0), V.MultiplyAdd(v, w1, b0));
                        (a1, b1) = (V.MultiplyAdd(u, w0, a1), V.MultiplyAdd(v, w0, b1));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a0, b0) = (V.MultiplyAdd(u, w2, a0), V.MultiplyAdd(v, w2, b0));
                        (a1, b1) = (V.MultiplyAdd(u, w1, a1), V.MultiplyAdd(v, w1, b1));
                        (a2, b2) = (V.MultiplyAdd(u, w0, a2), V.MultiplyAdd(v, w0, b2));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a1, b1) = (V.MultiplyAdd(u, w2, a1), V.MultiplyAdd(v, w2, b1));
                        (a2, b2) = (V.MultiplyAdd(u, w1, a2), V.MultiplyAdd(v, w1, b2));
                        (a3, b3) = (V.MultiplyAdd(u, w0, a3), V.MultiplyAdd(v, w0, b3));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a2, b2) = (V.MultiplyAdd(u, w2, a2), V.MultiplyAdd(v, w2, b2));
                        (a3, b3) = (V.MultiplyAdd(u, w1, a3), V.MultiplyAdd(v, w1, b3));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a3, b3) = (V.MultiplyAdd(u, w2, a3), V.MultiplyAdd(v, w2, b3));
                    }
                    StoreEight(a0, a1, a2, a3, b0, b1, b2, b3, output + part, next, other, gate == null ? null : gate + x * Lanes + part);
                }
            }
        }

        /// <summary>The same of five columns.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void SlideFive(
            T* row, nint down, int rows, nint step, nint across, int apart, T* taps, T* output, int width, T* gate)
        {
            var (second, next, other) = (apart == 1 ? Four * step : step, (nint)apart * Lanes, (nint)(apart == 1 ? Four : 1) * Lanes);
            for (var x = 0; x < width; x += Eight, row += Eight * step, output += Eight * Lanes)
            {
                for (nint part = 0; part < Lanes; part += V.Count)
                {
                    var (a0, a1, a2, a3) = (default(V), default(V), default(V), default(V));
                    var (b0, b1, b2, b3) = (default(V), default(V), default(V), default(V));
                    T* at = row + part, tap = taps;
                    for (var i = 0; i < rows; i++, at += down, tap += 5)
                    {
                        var (w0, w1, w2) = (V.Broadcast(tap), V.Broadcast(tap + 1), V.Broadcast(tap + 2));
                        var (w3, w4) = (V.Broadcast(tap + 3), V.Broadcast(tap + 4));
                        var p = at;
                        var (u, v) = (V.Load(p), V.Load(p + second));
                        (a0, b0) = (V.MultiplyAdd(u, w0, a0), V.MultiplyAdd(v, w0, b0));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a0, b0) = (V.MultiplyAdd(u, w1, a0), V.MultiplyAdd(v, w1, b0));
                        (a1, b1) = (V.MultiplyAdd(u, w0, a1), V.MultiplyAdd(v, w0, b1));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a0, b0) = (V.MultiplyAdd(u, w2, a0), V.MultiplyAdd(v, w2, b0));
                        (a1, b1) = (V.MultiplyAdd(u, w1, a1), V.MultiplyAdd(v, w1, b1));
                        (a2, b2) = (V.MultiplyAdd(u, w0, a2), V.MultiplyAdd(v, w0, b2));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a0, b0) = (V.MultiplyAdd(u, w3, a0), V.MultiplyAdd(v, w3, b0));
                        (a1, b1) = (V.MultiplyAdd(u, w2, a1), V.MultiplyAdd(v, w2, b1));
                        (a2, b2) = (V.MultiplyAdd(u, w1, a2), V.MultiplyAdd(v, w1, b2));
                        (a3, b3) = (V.MultiplyAdd(u, w0, a3), V.MultiplyAdd(v, w0, b3));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a0, b0) = (V.MultiplyAdd(u, w4, a0), V.MultiplyAdd(v, w4, b0));
                        (a1, b1) = (V.MultiplyAdd(u, w3, a1), V.MultiplyAdd(v, w3, b1));
                        (a2, b2) = (V.MultiplyAdd(u, w2, a2), V.MultiplyAdd(v, w2, b2));
                        (a3, b3) = (V.MultiplyAdd(u, w1, a3), V.MultiplyAdd(v, w1, b3));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a1, b1) = (V.MultiplyAdd(u, w4, a1), V.MultiplyAdd(v, w4, b1));
                        (a2, b2) = (V.MultiplyAdd(u, w3, a2), V.MultiplyAdd(v, w3, b2));
                        (a3, b3) = (V.MultiplyAdd(u, w2, a3), V.MultiplyAdd(v, w2, b3));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a2, b2) = (V.MultiplyAdd(u, w4, a2), V.MultiplyAdd(v, w4, b2));
                        (a3, b3) = (V.MultiplyAdd(u, w3, a3), V.MultiplyAdd(v, w3, b3));
                        p += across;
                        (u, v) = (V.Load(p), V.Load(p + second));
                        (a3, b3) = (V.MultiplyAdd(u, w4, a3), V.MultiplyAdd(v, w4, b3));
                    }
                    StoreEight(a0, a1, a2, a3, b0, b1, b2, b3, output + part, next, other, gate == null ? null : gate + x * Lanes + part);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void StoreEight(
            V a0, V a1, V a2, V a3, V b0, V b1, V b2, V b3, T* to, nint next, nint other, T* gate)
        {
            if (gate != null)
            {
                T* g = gate, h = gate + other;
                (a0, b0) = (a0 & V.IsPositive(V.Load(g)), b0 & V.IsPositive(V.Load(h)));
                (a1, b1) = (a1 & V.IsPositive(V.Load(g + next)), b1 & V.IsPositive(V.Load(h + next)));
                (a2, b2) = (a2 & V.IsPositive(V.Load(g + 2 * next)), b2 & V.IsPositive(V.Load(h + 2 * next)));
                (a3, b3) = (a3 & V.IsPositive(V.Load(g + 3 * next)), b3 & V.IsPositive(V.Load(h + 3 * next)));
            }
            a0.Store(to);
            a1.Store(to + next);
            a2.Store(to + 2 * next);
            a3.Store(to + 3 * next);
            to += other;
            b0.Store(to);
            b1.Store(to + next);
            b2.Store(to + 2 * next);
            b3.Store(to + 3 * next);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Spread(T* gradient, int height, int width, T* taps, T* padded, int rowLength, int rows, Window window)
        {
            var (columns, step) = (window.Kernel.Width, window.Stride.Width * Lanes);
            var (across, down) = ((nint)window.Dilation.Width * Lanes, (nint)window.Dilation.Height * rowLength);
            for (var y = 0; y < height; y++)
            {
                var (from, until) = window.RowsInside(y, rows);
                var row = padded + (nint)(window.Top(y) + from * window.Dilation.Height) * rowLength;
                for (var x = 0; x < width; x++, row += step)
                {
                    for (var part = 0; part < Lanes; part += V.Count, gradient += V.Count)
                    {
                        var g = V.Load(gradient);
                        var tap = taps + from * columns;
                        for (var i = 0; i < until - from; i++)
                        {
                            var at = row + part + i * down;
                            for (var j = 0; j < columns; j++, at += across)
                                V.MultiplyAdd(g, V.Broadcast(tap++), V.Load(at)).Store(at);
                        }
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Correlate(
            T* padded, int rowLength, int rows, T* gradient, int height, int width, T* registers, Window window)
        {
            var (columns, step) = (window.Kernel.Width, window.Stride.Width * Lanes);
            var across = (nint)window.Dilation.Width * Lanes;
            var (at1, at2, at3) = (At(1, step), At(2, step), At(3, step));
            var apart = Apart(window);
            var strip = Math.Max(1, CorrelatedPixels / width);
            for (var top = 0; top < height; top += strip)
            {
                for (var i = 0; i < window.Kernel.Height; i++)
                {
                    // The rows of the strip in which this row of taps lies in the image.
                    var (first, last) = (top, Math.Min(top + strip, height));
                    while (first < last && window.Top(first) + i * window.Dilation.Height < 0)
                        first++;
                    while (first < last && window.Top(last - 1) + i * window.Dilation.Height >= rows)
                        last--;
                    var ofTaps = registers + i * columns * V.Count;
                    for (var y = first; y < last; y++)
                    {
                        var row = padded + (nint)(window.Top(y) + i * window.Dilation.Height) * rowLength;
                        var g = gradient + (nint)y * width * Lanes;
                        var done = 0;
                        if (apart > 0)
                        {
                            done = width / (Four * apart) * (Four * apart);
                            if (columns == 3)
                                CorrelateThree(row, step, across, apart, g, done, ofTaps);
                            else
                                CorrelateFive(row, step, across, apart, g, done, ofTaps);
                        }
                        for (var j = 0; j < columns && done < width; j++)
                        {
                            var tap = ofTaps + j * V.Count;
                            var at = row + j * across + (nint)done * step;
                            var beside = g + (nint)done * Lanes;
                            var (sum0, sum1, sum2, sum3) = (V.Load(tap), default(V), default(V), default(V));
                            var x = done;
                            for (; x + 4 / Parts <= width; x += 4 / Parts, at += 4 / Parts * step, beside += 4 * V.Count)
                            {
                                sum0 = V.MultiplyAdd(V.Load(at), V.Load(beside), sum0);
                                sum1 = V.MultiplyAdd(V.Load(at + at1), V.Load(beside + V.Count), sum1);
                                sum2 = V.MultiplyAdd(V.Load(at + at2), V.Load(beside + 2 * V.Count), sum2);
                                sum3 = V.MultiplyAdd(V.Load(at + at3), V.Load(beside + 3 * V.Count), sum3);
                            }
                            for (; x < width; x++, at += step)
                            {
                                for (var part = 0; part < Lanes; part += V.Count, beside += V.Count)
                                    sum0 = V.MultiplyAdd(V.Load(at + part), V.Load(beside), sum0);
                            }
                            (sum0 + sum1 + (sum2 + sum3)).Store(tap);
                        }
                    }
                }
            }
        }

        /// <summary>Adds the products of a row of the gradient with what three taps beside one another met.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void CorrelateThree(T* row, nint step, nint across, int apart, T* gradient, int width, T* registers)
        {
            var next = (nint)apart * Lanes;
            var (a0, a1, a2) = (V.Load(registers), V.Load(registers + V.Count), V.Load(registers + 2 * V.Count));
            var (b0, b1, b2) = (default(V), default(V), default(V));
            for (var x = 0; x < width; x += Four * apart, row += Four * apart * step, gradient += Four * apart * Lanes)
            {
                for (var i = 0; i < apart; i++)
                {
                    for (nint part = 0; part < Lanes; part += V.Count)
                    {
                        T* p = row + i * step + part, g = gradient + i * Lanes + part;
                        var (g0, g1, g2, g3) = (V.Load(g), V.Load(g + next), V.Load(g + 2 * next), V.Load(g + 3 * next));
                        var u = V.Load(p);
                        a0 = V.MultiplyAdd(u, g0, a0);
                        u = V.Load(p += across);
                        (b0, a1) = (V.MultiplyAdd(u, g1, b0), V.MultiplyAdd(u, g0, a1));
                        u = V.Load(p += across);
                        (a0, b1, a2) = (V.MultiplyAdd(u, g2, a0), V.MultiplyAdd(u, g1, b1), V.MultiplyAdd(u, g0, a2));
                        u = V.Load(p += across);
                        (b0, a1, b2) = (V.MultiplyAdd(u, g3, b0), V.MultiplyAdd(u, g2, a1), V.MultiplyAdd(u, g1, b2));
                        u = V.Load(p += across);
                        (b1, a2) = (V.MultiplyAdd(u, g3, b1), V.MultiplyAdd(u, g2, a2));
                        b2 = V.MultiplyAdd(V.Load(p + across), g3, b2);
                    }
                }
            }
            (a0 + b0).Store(registers);
            (a1 + b1).Store(registers + V.Count);
            (a2 + b2).Store(registers + 2 * V.Count);
        }

        /// <summary>The same of five taps.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static void CorrelateFive(T* row, nint step, nint across, int apart, T* gradient, int width, T* registers)
        {
            var next = (nint)apart * Lanes;
            var (a0, a1, a2) = (V.Load(registers), V.Load(registers + V.Count), V.Load(registers + 2 * V.Count));
            var (a3, a4) = (V.Load(registers + 3 * V.Count), V.Load(registers + 4 * V.Count));
            for (var x = 0; x < width; x += Four * apart, row += Four * apart * step, gradient += Four * apart * Lanes)
            {
                for (var i = 0; i < apart; i++)
                {
                    for (nint part = 0; part < Lanes; part += V.Count)
                    {
                        T* p = row + i * step + part, g = gradient + i * Lanes + part;
                        var (g0, g1, g2, g3) = (V.Load(g), V.Load(g + next), V.Load(g + 2 * next), V.Load(g + 3 * next));
                        var u = V.Load(p);
                        a0 = V.MultiplyAdd(u, g0, a0);
                        u = V.Load(p += across);
                        (a0, a1) = (V.MultiplyAdd(u, g1, a0), V.MultiplyAdd(u, g0, a1));
                        u = V.Load(p += across);
                        (a0, a1, a2) = (V.MultiplyAdd(u, g2, a0), V.MultiplyAdd(u, g1, a1), V.MultiplyAdd(u, g0, a2));
                        u = V.Load(p += across);
                        (a0, a1) = (V.MultiplyAdd(u, g3, a0), V.MultiplyAdd(u, g2, a1));
                        (a2, a3) = (V.MultiplyAdd(u, g1, a2), V.MultiplyAdd(u, g0, a3));
                        u = V.Load(p += across);
                        (a1, a2) = (V.MultiplyAdd(u, g3, a1), V.MultiplyAdd(u, g2, a2));
                        (a3, a4) = (V.MultiplyAdd(u, g1, a3), V.MultiplyAdd(u, g0, a4));
                        u = V.Load(p += across);
                        (a2, a3, a4) = (V.MultiplyAdd(u, g3, a2), V.MultiplyAdd(u, g2, a3), V.MultiplyAdd(u, g1, a4));
                        u = V.Load(p += across);
                        (a3, a4) = (V.MultiplyAdd(u, g3, a3), V.MultiplyAdd(u, g2, a4));
                        a4 = V.MultiplyAdd(V.Load(p + across), g3, a4);
                    }
                }
            }
            a0.Store(registers);
            a1.Store(registers + V.Count);
            a2.Store(registers + 2 * V.Count);
            a3.Store(registers + 3 * V.Count);
            a4.Store(registers + 4 * V.Count);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void AddSums(T* registers, int count, T* sums)
        {
            for (var i = 0; i < count; i++)
                sums[i] += V.Sum(V.Load(registers + i * V.Count));
        }
    }
}
