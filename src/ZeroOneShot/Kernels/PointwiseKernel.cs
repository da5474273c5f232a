using System.Numerics;
using System.Runtime.CompilerServices;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Kernels;

/// <summary>
/// 1x1 convolutions, y = W max(x, 0) or W x in every pixel, and their gradients, on tensors in the order of <see cref="Lanes"/>.
/// </summary>
internal static unsafe class PointwiseKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // Outputs and inputs or registers of pixels that are computed together: their eight sums stay in registers, of which all processors
    // have at least 16.
    private const int Outputs = 4, Together = 2;

    // Planes that a first-level cache keeps a pixel of, however they lie; bytes of pixels that are packed together, in that cache, and how
    // many pixels at most; pixels of a plane that are correlated together, in a second-level cache; multiplications that are worth a
    // thread's while.
    private const int MostPlanes = 8, TileSize = 1 << 15, MostPixels = 32, CorrelatedPixels = 64, MinimumWork = 1 << 14;

    private static int Lanes => Kernels.Lanes.Count<T>();

    /// <summary>y, into features of the right size.</summary>
    /// <param name="input">x.</param>
    /// <param name="weight">W: C' x C x 1 x 1.</param>
    /// <param name="output">y.</param>
    /// <param name="rectify">Whether negative numbers of x count as 0.</param>
    public static void Forward(Tensor input, Tensor weight, Tensor output, bool rectify)
    {
        var (x, y) = (new Planes<T>(input), new Planes<T>(output));
        Multiply(x, y, Memory.Of<T>(weight), x.Channels, 1, rectify, gate: null);
    }

    /// <summary>dL/dx from dL/dy.</summary>
    /// <param name="gradient">dL/dy.</param>
    /// <param name="weight">W.</param>
    /// <param name="inputGradient">dL/dx, of the right size.</param>
    /// <param name="rectified">x where its negative numbers counted as 0, or null: dL/dx is 0 where it is not positive.</param>
    public static void InputGradient(Tensor gradient, Tensor weight, Tensor inputGradient, Tensor? rectified)
    {
        var (g, gx) = (new Planes<T>(gradient), new Planes<T>(inputGradient));
        Multiply(g, gx, Memory.Of<T>(weight), 1, gx.Channels, rectify: false, gate: rectified is null ? null : new Planes<T>(rectified));
    }

    /// <summary>Adds dL/dW.</summary>
    public static void AddWeightGradient(Tensor gradient, Tensor input, Tensor weightGradient, bool rectify)
    {
        var (g, x) = (new Planes<T>(gradient), new Planes<T>(input));
        var sums = Memory.Of<T>(weightGradient);
        var blocks = (g.Channels + Outputs - 1) / Outputs;
        Workers.Each(blocks, x.Groups * x.PlaneSize * x.Channels, block =>
        {
            // Some pixels of all channels at a time, so that they stay in the cache while they meet one another.
            for (var group = 0; group < x.Groups; group++)
            {
                for (var first = 0; first < x.Pixels; first += CorrelatedPixels)
                {
                    var count = Math.Min(CorrelatedPixels, x.Pixels - first);
                    for (var channel = 0; channel < x.Channels; channel += Together)
                        Loops.Widest.AddProducts(g, block * Outputs, x, channel, group, first, count, sums, rectify);
                }
            }
        });
    }

    /// <summary>
    /// Multiplies all pixels by a matrix, in blocks of outputs and pixels. The matrix lies in memory by rows or by columns.
    /// </summary>
    private static void Multiply(Planes<T> x, Planes<T> y, T* entries, int fromRow, int fromColumn, bool rectify, Planes<T>? gate)
    {
        // The matrix in the order in which blocks of outputs read it; what a last block lacks are zeros.
        var blocks = (y.Channels + Outputs - 1) / Outputs;
        var matrix = new T[blocks * Outputs * x.Channels];
        for (var output = 0; output < y.Channels; output++)
        {
            for (var i = 0; i < x.Channels; i++)
                matrix[(output / Outputs * x.Channels + i) * Outputs + output % Outputs] = entries[output * fromRow + i * fromColumn];
        }
        // Planes lie powers of two apart, where caches keep only a few of them: many channels are packed, some pixels at a time.
        var packs = x.Channels > MostPlanes;
        var tile = packs ? Math.Clamp(TileSize / (x.Channels * Lanes * sizeof(T)) / Together * Together, Together, MostPixels) : MostPixels;
        var tiles = (x.Pixels + tile - 1) / tile;
        var perTask = Math.Max(1, MinimumWork / (tile * x.Channels * y.Channels));
        var all = x.Groups * tiles;
        Workers.Each((all + perTask - 1) / perTask, (long)perTask * tile * Lanes * Math.Max(x.Channels, y.Channels), task =>
        {
            var size = tile * Lanes;
            var packed = Memory.Scratch<T>((long)size * (1 + x.Channels));
            var spare = packed + x.Channels * size;
            T** to = stackalloc T*[Outputs], gates = stackalloc T*[Outputs];
            fixed (T* m = matrix)
            {
                for (var at = task * perTask; at < Math.Min((task + 1) * perTask, all); at++)
                {
                    var (group, first) = (at / tiles, at % tiles * tile);
                    var count = Math.Min(tile, x.Pixels - first);
                    if (packs)
                        Loops.Widest.Pack(x, packed, group, first, count, tile, rectify);
                    var from = packs ? packed : x[group, 0] + first * Lanes;
                    for (var block = 0; block < blocks; block++)
                    {
                        for (var i = 0; i < Outputs; i++)
                        {
                            var output = block * Outputs + i;
                            to[i] = output < y.Channels ? y[group, output] + first * Lanes : spare;
                            gates[i] = gate is { } open && output < y.Channels ? open[group, output] + first * Lanes : null;
                        }
                        Loops.Widest.Multiply(from, packs ? size : x.ChannelStride, x.Channels, m + block * Outputs * x.Channels, to,
                            gate is null ? null : gates, count * Lanes, rectify && !packs);
                    }
                }
            }
        });
    }

    /// <summary>The loops over some pixels.</summary>
    private abstract class Loops
    {
        public static Loops Widest { get; } =
            Registers.Widest<Loops>(new Loops<Register512<T>>(), new Loops<Register256<T>>(), new Loops<Register128<T>>());

        /// <summary>Copies some pixels of all planes to where they lie close together, a tile from a plane to the next.</summary>
        public abstract void Pack(Planes<T> x, T* packed, int group, int first, int count, int tile, bool rectify);

        /// <summary>Four outputs of some numbers. Where there are gates, zeros where they are not positive.</summary>
        public abstract void Multiply(T* from, long channelStride, int channels, T* weights, T** to, T** gates, int numbers, bool rectify);

        /// <summary>
        /// The products of four planes of the gradient with two of the input, summed over some pixels and the images of a group.
        /// </summary>
        public abstract void AddProducts(
            Planes<T> g, int output, Planes<T> x, int channel, int group, int first, int pixels, T* sums, bool rectify);
    }

    private sealed class Loops<V> : Loops where V : struct, IRegister<V, T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Pack(Planes<T> x, T* packed, int group, int first, int count, int tile, bool rectify)
        {
            for (var channel = 0; channel < x.Channels; channel++, packed += tile * Lanes)
            {
                var from = x[group, channel] + first * Lanes;
                for (nint i = 0; i < count * Lanes; i += V.Count)
                {
                    var numbers = V.Load(from + i);
                    (rectify ? V.Rectified(numbers) : numbers).Store(packed + i);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Multiply(
            T* from, long channelStride, int channels, T* weights, T** to, T** gates, int numbers, bool rectify)
        {
            T* y0 = to[0], y1 = to[1], y2 = to[2], y3 = to[3];
            for (nint at = 0; at < numbers; at += Together * V.Count, from += Together * V.Count)
            {
                var (a0, a1, a2, a3) = (default(V), default(V), default(V), default(V));
                var (b0, b1, b2, b3) = (default(V), default(V), default(V), default(V));
                T* x = from, w = weights;
                nint second = at + V.Count < numbers ? V.Count : 0;         // a last register without partner is computed twice
                for (var i = 0; i < channels; i++, x += channelStride, w += Outputs)
                {
                    var (a, b) = (V.Load(x), V.Load(x + second));
                    if (rectify)
                        (a, b) = (V.Rectified(a), V.Rectified(b));
                    var w0 = V.Broadcast(w);
                    (a0, b0) = (V.MultiplyAdd(a, w0, a0), V.MultiplyAdd(b, w0, b0));
                    var w1 = V.Broadcast(w + 1);
                    (a1, b1) = (V.MultiplyAdd(a, w1, a1), V.MultiplyAdd(b, w1, b1));
                    var w2 = V.Broadcast(w + 2);
                    (a2, b2) = (V.MultiplyAdd(a, w2, a2), V.MultiplyAdd(b, w2, b2));
                    var w3 = V.Broadcast(w + 3);
                    (a3, b3) = (V.MultiplyAdd(a, w3, a3), V.MultiplyAdd(b, w3, b3));
                }
                if (gates != null)
                {
                    (a0, b0) = (Gated(a0, gates[0], at), Gated(b0, gates[0], at + second));
                    (a1, b1) = (Gated(a1, gates[1], at), Gated(b1, gates[1], at + second));
                    (a2, b2) = (Gated(a2, gates[2], at), Gated(b2, gates[2], at + second));
                    (a3, b3) = (Gated(a3, gates[3], at), Gated(b3, gates[3], at + second));
                }
                b0.Store(y0 + at + second);
                b1.Store(y1 + at + second);
                b2.Store(y2 + at + second);
                b3.Store(y3 + at + second);
                a0.Store(y0 + at);
                a1.Store(y1 + at);
                a2.Store(y2 + at);
                a3.Store(y3 + at);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Gated(V sum, T* gate, nint at) => gate == null ? sum : sum & V.IsPositive(V.Load(gate + at));

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void AddProducts(
            Planes<T> g, int output, Planes<T> x, int channel, int group, int first, int pixels, T* sums, bool rectify)
        {
            var (a0, a1, a2, a3) = (default(V), default(V), default(V), default(V));
            var (b0, b1, b2, b3) = (default(V), default(V), default(V), default(V));
            // What a last block lacks is computed with the last plane, and not kept.
            var (last, lastInput) = (g.Channels - 1, x.Channels - 1);
            T* g0 = g[group, output], g1 = g[group, Math.Min(output + 1, last)];
            T* g2 = g[group, Math.Min(output + 2, last)], g3 = g[group, Math.Min(output + 3, last)];
            T* x0 = x[group, channel], x1 = x[group, Math.Min(channel + 1, lastInput)];
            var end = (nint)(first + pixels) * Lanes;
            for (var i = (nint)first * Lanes; i < end; i += V.Count)
            {
                var (a, b) = (V.Load(x0 + i), V.Load(x1 + i));
                if (rectify)
                    (a, b) = (V.Rectified(a), V.Rectified(b));
                var v = V.Load(g0 + i);
                (a0, b0) = (V.MultiplyAdd(a, v, a0), V.MultiplyAdd(b, v, b0));
                v = V.Load(g1 + i);
                (a1, b1) = (V.MultiplyAdd(a, v, a1), V.MultiplyAdd(b, v, b1));
                v = V.Load(g2 + i);
                (a2, b2) = (V.MultiplyAdd(a, v, a2), V.MultiplyAdd(b, v, b2));
                v = V.Load(g3 + i);
                (a3, b3) = (V.MultiplyAdd(a, v, a3), V.MultiplyAdd(b, v, b3));
            }
            var to = sums + output * x.Channels + channel;
            var two = channel < lastInput;
            Add(to, a0, b0, two);
            if (output + 1 <= last)
                Add(to + x.Channels, a1, b1, two);
            if (output + 2 <= last)
                Add(to + 2 * x.Channels, a2, b2, two);
            if (output + 3 <= last)
                Add(to + 3 * x.Channels, a3, b3, two);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add(T* sums, V a, V b, bool two)
        {
            sums[0] += V.Sum(a);
            if (two)
                sums[1] += V.Sum(b);
        }
    }
}
