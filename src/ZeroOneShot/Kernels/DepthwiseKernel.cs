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
            Loops.Widest.Slide(copy, padded.RowLength, taps + channel * window.Taps, y[group, channel], y.Height, y.Width, window);
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
                Loops.Widest.Slide(copy, border.RowLength, turned, gx[group, channel], gx.Height, gx.Width, window);
                if (gate != null)
                    Loops.Widest.Gate(gx[group, channel], gate, gx.PlaneSize);
            }
            else
            {
                new Span<T>(copy, (int)border.Size).Clear();
                Loops.Widest.Spread(g[group, channel], g.Height, g.Width, taps + channel * size, copy, border.RowLength, window);
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
                Loops.Widest.Correlate(copy, padded.RowLength, g[group, channel], g.Height, g.Width, taps, window);
            }
            Loops.Widest.AddSums(taps, size, sums + channel * size);
        });
    }

    /// <summary>The loops over a plane.</summary>
    internal abstract class Loops
    {
        public static Loops Widest { get; } =
            Registers.Widest<Loops>(new Loops<Register512<T>>(), new Loops<Register256<T>>(), new Loops<Register128<T>>());

        /// <summary>Slides a window over a padded plane.</summary>
        public abstract void Slide(T* padded, int rowLength, T* taps, T* output, int height, int width, Window window);

        /// <summary>The transpose of <see cref="Slide"/>: adds every number, times the window, to the padded plane.</summary>
        public abstract void Spread(T* gradient, int height, int width, T* taps, T* padded, int rowLength, Window window);

        /// <summary>For every tap, adds the products of what it met with the gradient there, to a register of its own.</summary>
        public abstract void Correlate(T* padded, int rowLength, T* gradient, int height, int width, T* registers, Window window);

        /// <summary>Adds to every number the sum of a register.</summary>
        public abstract void AddSums(T* registers, int count, T* sums);

        /// <summary>Makes numbers zero where the gate is not positive.</summary>
        public abstract void Gate(T* numbers, T* gate, long count);
    }

    private sealed class Loops<V> : Loops where V : struct, IRegister<V, T>
    {
        // Registers that a pixel takes. Four registers are computed together: four, two or one pixels.
        private static int Parts
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => Lanes / V.Count;
        }

        /// <summary>Numbers from the first of four registers to the i-th, in an image of which every step-th pixel counts.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static nint At(int i, int step) => i / Parts * step + i % Parts * V.Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Slide(T* padded, int rowLength, T* taps, T* output, int height, int width, Window window)
        {
            var ((rows, columns), stride) = (window.Kernel, window.Stride.Height);
            var (across, down) = ((nint)window.Dilation.Width * Lanes, (nint)window.Dilation.Height * rowLength);
            var step = window.Stride.Width * Lanes;
            var (at1, at2, at3) = (At(1, step), At(2, step), At(3, step));
            for (var y = 0; y < height; y++)
            {
                var row = padded + (nint)y * stride * rowLength;
                var to = output + (nint)y * width * Lanes;
                var x = 0;
                for (; x + 4 / Parts <= width; x += 4 / Parts, row += 4 / Parts * step, to += 4 * V.Count)
                {
                    var (sum0, sum1, sum2, sum3) = (default(V), default(V), default(V), default(V));
                    var tap = taps;
                    for (var i = 0; i < rows; i++)
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
                    sum0.Store(to);
                    sum1.Store(to + V.Count);
                    sum2.Store(to + 2 * V.Count);
                    sum3.Store(to + 3 * V.Count);
                }
                for (; x < width; x++, row += step)
                {
                    for (var part = 0; part < Lanes; part += V.Count, to += V.Count)
                    {
                        var sum = default(V);
                        var tap = taps;
                        for (var i = 0; i < rows; i++)
                        {
                            var at = row + part + i * down;
                            for (var j = 0; j < columns; j++, at += across)
                                sum = V.MultiplyAdd(V.Load(at), V.Broadcast(tap++), sum);
                        }
                        sum.Store(to);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Spread(T* gradient, int height, int width, T* taps, T* padded, int rowLength, Window window)
        {
            var ((rows, columns), step) = (window.Kernel, window.Stride.Width * Lanes);
            var (across, down) = ((nint)window.Dilation.Width * Lanes, (nint)window.Dilation.Height * rowLength);
            for (var y = 0; y < height; y++)
            {
                var row = padded + (nint)y * window.Stride.Height * rowLength;
                for (var x = 0; x < width; x++, row += step)
                {
                    for (var part = 0; part < Lanes; part += V.Count, gradient += V.Count)
                    {
                        var g = V.Load(gradient);
                        var tap = taps;
                        for (var i = 0; i < rows; i++)
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
        public override void Correlate(T* padded, int rowLength, T* gradient, int height, int width, T* registers, Window window)
        {
            var ((rows, columns), step) = (window.Kernel, window.Stride.Width * Lanes);
            var (across, down) = ((nint)window.Dilation.Width * Lanes, (nint)window.Dilation.Height * rowLength);
            var (at1, at2, at3) = (At(1, step), At(2, step), At(3, step));
            for (var y = 0; y < height; y++)
            {
                var row = gradient + (nint)y * width * Lanes;
                var tap = registers;
                for (var i = 0; i < rows; i++)
                {
                    for (var j = 0; j < columns; j++, tap += V.Count)
                    {
                        var at = padded + (nint)y * window.Stride.Height * rowLength + i * down + j * across;
                        var g = row;
                        var (sum0, sum1, sum2, sum3) = (V.Load(tap), default(V), default(V), default(V));
                        var x = 0;
                        for (; x + 4 / Parts <= width; x += 4 / Parts, at += 4 / Parts * step, g += 4 * V.Count)
                        {
                            sum0 = V.MultiplyAdd(V.Load(at), V.Load(g), sum0);
                            sum1 = V.MultiplyAdd(V.Load(at + at1), V.Load(g + V.Count), sum1);
                            sum2 = V.MultiplyAdd(V.Load(at + at2), V.Load(g + 2 * V.Count), sum2);
                            sum3 = V.MultiplyAdd(V.Load(at + at3), V.Load(g + 3 * V.Count), sum3);
                        }
                        for (; x < width; x++, at += step)
                        {
                            for (var part = 0; part < Lanes; part += V.Count, g += V.Count)
                                sum0 = V.MultiplyAdd(V.Load(at + part), V.Load(g), sum0);
                        }
                        (sum0 + sum1 + (sum2 + sum3)).Store(tap);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void AddSums(T* registers, int count, T* sums)
        {
            for (var i = 0; i < count; i++)
                sums[i] += V.Sum(V.Load(registers + i * V.Count));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Gate(T* numbers, T* gate, long count)
        {
            for (var i = 0L; i < count; i += V.Count)
                (V.Load(numbers + i) & V.IsPositive(V.Load(gate + i))).Store(numbers + i);
        }
    }
}
