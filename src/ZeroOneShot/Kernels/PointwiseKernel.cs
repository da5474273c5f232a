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
    // have at least 16. Those whose registers hold a pixel have 32: there it is four of each.
    private const int Outputs = 4, Together = 2, Four = 4;

    // Planes that a first-level cache keeps a pixel of, however they lie; bytes of pixels that are packed together, in that cache, if it
    // holds so many pixels, else in a second-level cache, and then at most as many of a plane as make memory fetch ahead. Pixels, inputs
    // and outputs that are correlated together, in a second-level cache; multiplications that are worth a thread's while.
    private const int MostPlanes = 8, FirstLevel = 1 << 15, FewPixels = 32, SecondLevel = 1 << 19, ManyPixels = 64, CorrelatedPixels = 64,
        CorrelatedInputs = 64, CorrelatedOutputs = 64, MinimumWork = 1 << 14;

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
        var (blocks, parts) = ((g.Channels + Outputs - 1) / Outputs, (x.Channels + CorrelatedInputs - 1) / CorrelatedInputs);
        // A thread takes as many outputs as there are for it, or as have their sums in a second-level cache.
        var threads = x.Groups * x.PlaneSize * x.Channels * blocks >= MinimumWork * Lanes ? Worker.ThreadsOfLibtorch : 1;
        var perTask = Math.Min((blocks + threads - 1) / threads, CorrelatedOutputs / Outputs);
        var ranges = (blocks + perTask - 1) / perTask;
        Workers.Each(ranges * parts, x.Groups * x.PlaneSize * x.Channels, task =>
        {
            var (from, input) = (task % ranges * perTask * Outputs, task / ranges * CorrelatedInputs);
            Correlate(g, from, Math.Min(from + perTask * Outputs, g.Channels),
                x, input, Math.Min(input + CorrelatedInputs, x.Channels), sums, rectify);
        });
    }

    /// <summary>Adds the products of some planes of the gradient with some of the input, summed over all pixels.</summary>
    private static void Correlate(Planes<T> g, int from, int to, Planes<T> x, int first, int last, T* sums, bool rectify)
    {
        var fours = Loops.Widest.HoldPixels;
        var together = fours ? Four : Together;
        var (blocks, parts) = ((to - from + Outputs - 1) / Outputs, (last - first + together - 1) / together);
        // A sum for every lane of every product, and some pixels of the inputs, close together unless whole lines of them are read.
        var size = Outputs * together;
        var registers = Memory.Scratch<T>(((long)blocks * parts * size + (fours ? 0 : parts * together * CorrelatedPixels)) * Lanes);
        var packed = registers + (long)blocks * parts * size * Lanes;
        new Span<T>(registers, blocks * parts * size * Lanes).Clear();
        T** outputs = stackalloc T*[Outputs], inputs = stackalloc T*[together];
        for (var group = 0; group < x.Groups; group++)
        {
            for (var pixel = 0; pixel < x.Pixels; pixel += CorrelatedPixels)
            {
                var count = Math.Min(CorrelatedPixels, x.Pixels - pixel) * Lanes;
                for (var i = 0; i < parts * together && !fours; i++)
                    Loops.Widest.Copy(Input(i), packed + i * CorrelatedPixels * Lanes, count, rectify);
                var at = registers;
                for (var block = 0; block < blocks; block++)
                {
                    for (var i = 0; i < Outputs; i++)
                        outputs[i] = g[group, Math.Min(from + block * Outputs + i, to - 1)] + pixel * Lanes;
                    for (var part = 0; part < parts; part++, at += size * Lanes)
                    {
                        for (var i = 0; i < together; i++)
                        {
                            var input = part * together + i;
                            inputs[i] = fours ? Input(input) : packed + input * CorrelatedPixels * Lanes;
                        }
                        if (fours)
                            Loops.Widest.AddProductsOfFours(outputs, inputs, count, at, rectify);
                        else
                            Loops.Widest.AddProducts(outputs, inputs, count, at);
                    }
                }

                // What a last part or block lacks is the last plane once more; its sums are not used.
                T* Input(int i) => x[group, Math.Min(first + i, last - 1)] + pixel * Lanes;
            }
        }
        for (var output = from; output < to; output++)
        {
            for (var input = first; input < last; input++)
            {
                var product = ((output - from) / Outputs * parts + (input - first) / together) * size +
                    (input - first) % together * Outputs + (output - from) % Outputs;
                sums[output * x.Channels + input] += Loops.Widest.Sum(registers + product * Lanes);
            }
        }
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
        // Planes lie powers of two apart, where caches keep only a few of them: many channels are packed, some pixels at a time. Not so
        // where registers hold a pixel: a block reads every line once, and all at once, which takes less time than to pack it. (Where
        // gates are read as well it takes more.)
        var fours = Loops.Widest.HoldPixels && gate is null && x.HasChannelStride;
        var packs = !fours && x.Channels > MostPlanes;
        var tile = packs ? TogetherPacked(x.Channels * Lanes * sizeof(T)) : FewPixels;
        var tiles = (x.Pixels + tile - 1) / tile;
        var perTask = Math.Max(1, MinimumWork / (tile * x.Channels * y.Channels));
        var all = x.Groups * tiles;
        Workers.Each((all + perTask - 1) / perTask, (long)perTask * tile * Lanes * Math.Max(x.Channels, y.Channels), task =>
        {
            var size = (tile + 1) * Lanes;                          // not a power of two, as above
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
                        Loops.Widest.Pack(x, packed, group, first, count, size, rectify);
                    var from = packs ? packed : x[group, 0] + first * Lanes;
                    for (var block = 0; block < blocks; block++)
                    {
                        for (var i = 0; i < Outputs; i++)
                        {
                            var output = block * Outputs + i;
                            to[i] = output < y.Channels ? y[group, output] + first * Lanes : spare;
                            gates[i] = gate is { } open && output < y.Channels ? open[group, output] + first * Lanes : null;
                        }
                        var weights = m + block * Outputs * x.Channels;
                        if (fours && count >= Four)
                        {
                            Loops.Widest.MultiplyFours(from, x.ChannelStride, x.Channels, weights, to, count * Lanes, rectify);
                            continue;
                        }
                        Loops.Widest.Multiply(from, packs ? size : x.ChannelStride, x.Channels, weights, to,
                            gate is null ? null : gates, count * Lanes, rectify && !packs);
                    }
                }
            }
        });
    }

    /// <summary>Pixels that are packed together, of so many bytes in all planes.</summary>
    private static int TogetherPacked(int bytes) => FirstLevel / bytes >= FewPixels
        ? Math.Min(FirstLevel / bytes / Together * Together, ManyPixels)
        : Math.Clamp(SecondLevel / bytes / Together * Together, Together, ManyPixels);

    /// <summary>The loops over some pixels.</summary>
    private abstract class Loops
    {
        public static Loops Widest { get; } =
            Registers.Widest<Loops>(new Loops<Register512<T>>(), new Loops<Register256<T>>(), new Loops<Register128<T>>());

        /// <summary>Whether a register holds a pixel.</summary>
        public abstract bool HoldPixels { get; }

        /// <summary>Copies some pixels of all planes to where they lie close together, so many numbers from a plane to the next.</summary>
        public abstract void Pack(Planes<T> x, T* packed, int group, int first, int count, int size, bool rectify);

        /// <summary>Four outputs of some numbers. Where there are gates, zeros where they are not positive.</summary>
        public abstract void Multiply(T* from, long channelStride, int channels, T* weights, T** to, T** gates, int numbers, bool rectify);

        /// <summary>Four outputs of at least four pixels, by registers that hold a pixel.</summary>
        public abstract void MultiplyFours(T* from, long channelStride, int channels, T* weights, T** to, int numbers, bool rectify);

        /// <summary>Copies numbers.</summary>
        public abstract void Copy(T* from, T* to, int numbers, bool rectify);

        /// <summary>
        /// Adds the products of four outputs with two inputs to eight pixels, number by number: those with the first input come first.
        /// </summary>
        public abstract void AddProducts(T** outputs, T** inputs, nint numbers, T* products);

        /// <summary>The same with four inputs, to sixteen pixels, by registers that hold a pixel.</summary>
        public abstract void AddProductsOfFours(T** outputs, T** inputs, nint numbers, T* products, bool rectify);

        /// <summary>The sum of the numbers of a pixel that <see cref="AddProducts"/> added to.</summary>
        public abstract T Sum(T* products);
    }

    private sealed class Loops<V> : Loops where V : struct, IRegister<V, T>
    {
        public override bool HoldPixels => V.Count == Lanes;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Pack(Planes<T> x, T* packed, int group, int first, int count, int size, bool rectify)
        {
            for (var channel = 0; channel < x.Channels; channel++, packed += size)
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

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void MultiplyFours(
            T* from, long channelStride, int channels, T* weights, T** to, int numbers, bool rectify)
        {
            T* y0 = to[0], y1 = to[1], y2 = to[2], y3 = to[3];
            for (nint next = 0; next < numbers; next += Four * V.Count)
            {
                var at = Math.Min(next, numbers - Four * V.Count);          // the last four may be computed twice
                var (a0, a1, a2, a3) = (default(V), default(V), default(V), default(V));
                var (b0, b1, b2, b3) = (default(V), default(V), default(V), default(V));
                var (c0, c1, c2, c3) = (default(V), default(V), default(V), default(V));
                var (d0, d1, d2, d3) = (default(V), default(V), default(V), default(V));
                T* x = from + at, w = weights;
                for (var i = 0; i < channels; i++, x += channelStride, w += Outputs)
                {
                    var (x0, x1, x2, x3) = (V.Load(x), V.Load(x + V.Count), V.Load(x + 2 * V.Count), V.Load(x + 3 * V.Count));
                    if (rectify)
                        (x0, x1, x2, x3) = (V.Rectified(x0), V.Rectified(x1), V.Rectified(x2), V.Rectified(x3));
                    var v = V.Broadcast(w);
                    (a0, b0) = (V.MultiplyAdd(x0, v, a0), V.MultiplyAdd(x1, v, b0));
                    (c0, d0) = (V.MultiplyAdd(x2, v, c0), V.MultiplyAdd(x3, v, d0));
                    v = V.Broadcast(w + 1);
                    (a1, b1) = (V.MultiplyAdd(x0, v, a1), V.MultiplyAdd(x1, v, b1));
                    (c1, d1) = (V.MultiplyAdd(x2, v, c1), V.MultiplyAdd(x3, v, d1));
                    v = V.Broadcast(w + 2);
                    (a2, b2) = (V.MultiplyAdd(x0, v, a2), V.MultiplyAdd(x1, v, b2));
                    (c2, d2) = (V.MultiplyAdd(x2, v, c2), V.MultiplyAdd(x3, v, d2));
                    v = V.Broadcast(w + 3);
                    (a3, b3) = (V.MultiplyAdd(x0, v, a3), V.MultiplyAdd(x1, v, b3));
                    (c3, d3) = (V.MultiplyAdd(x2, v, c3), V.MultiplyAdd(x3, v, d3));
                }
                StoreFour(y0 + at, a0, b0, c0, d0);
                StoreFour(y1 + at, a1, b1, c1, d1);
                StoreFour(y2 + at, a2, b2, c2, d2);
                StoreFour(y3 + at, a3, b3, c3, d3);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void StoreFour(T* to, V a, V b, V c, V d)
        {
            a.Store(to);
            b.Store(to + V.Count);
            c.Store(to + 2 * V.Count);
            d.Store(to + 3 * V.Count);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Gated(V sum, T* gate, nint at) => gate == null ? sum : sum & V.IsPositive(V.Load(gate + at));

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Copy(T* from, T* to, int numbers, bool rectify)
        {
            for (nint i = 0; i < numbers; i += V.Count)
            {
                var some = V.Load(from + i);
                (rectify ? V.Rectified(some) : some).Store(to + i);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void AddProducts(T** outputs, T** inputs, nint numbers, T* products)
        {
            // No calls while the sums are in registers, or they would go through memory.
            T* g0 = outputs[0], g1 = outputs[1], g2 = outputs[2], g3 = outputs[3], x0 = inputs[0], x1 = inputs[1];
            var (a0, a1) = (V.Load(products), V.Load(products + Lanes));
            var (a2, a3) = (V.Load(products + 2 * Lanes), V.Load(products + 3 * Lanes));
            var (b0, b1) = (V.Load(products + 4 * Lanes), V.Load(products + 5 * Lanes));
            var (b2, b3) = (V.Load(products + 6 * Lanes), V.Load(products + 7 * Lanes));
            for (nint i = 0; i < numbers; i += V.Count)
            {
                var (a, b) = (V.Load(x0 + i), V.Load(x1 + i));
                var v = V.Load(g0 + i);
                (a0, b0) = (V.MultiplyAdd(a, v, a0), V.MultiplyAdd(b, v, b0));
                v = V.Load(g1 + i);
                (a1, b1) = (V.MultiplyAdd(a, v, a1), V.MultiplyAdd(b, v, b1));
                v = V.Load(g2 + i);
                (a2, b2) = (V.MultiplyAdd(a, v, a2), V.MultiplyAdd(b, v, b2));
                v = V.Load(g3 + i);
                (a3, b3) = (V.MultiplyAdd(a, v, a3), V.MultiplyAdd(b, v, b3));
            }
            a0.Store(products);
            a1.Store(products + Lanes);
            a2.Store(products + 2 * Lanes);
            a3.Store(products + 3 * Lanes);
            b0.Store(products + 4 * Lanes);
            b1.Store(products + 5 * Lanes);
            b2.Store(products + 6 * Lanes);
            b3.Store(products + 7 * Lanes);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void AddProductsOfFours(T** outputs, T** inputs, nint numbers, T* products, bool rectify)
        {
            T* g0 = outputs[0], g1 = outputs[1], g2 = outputs[2], g3 = outputs[3];
            T* first = inputs[0], second = inputs[1], third = inputs[2], fourth = inputs[3];
            var (a0, a1) = (V.Load(products), V.Load(products + Lanes));
            var (a2, a3) = (V.Load(products + 2 * Lanes), V.Load(products + 3 * Lanes));
            var (b0, b1) = (V.Load(products + 4 * Lanes), V.Load(products + 5 * Lanes));
            var (b2, b3) = (V.Load(products + 6 * Lanes), V.Load(products + 7 * Lanes));
            var (c0, c1) = (V.Load(products + 8 * Lanes), V.Load(products + 9 * Lanes));
            var (c2, c3) = (V.Load(products + 10 * Lanes), V.Load(products + 11 * Lanes));
            var (d0, d1) = (V.Load(products + 12 * Lanes), V.Load(products + 13 * Lanes));
            var (d2, d3) = (V.Load(products + 14 * Lanes), V.Load(products + 15 * Lanes));
            for (nint i = 0; i < numbers; i += V.Count)
            {
                var (x0, x1, x2, x3) = (V.Load(first + i), V.Load(second + i), V.Load(third + i), V.Load(fourth + i));
                if (rectify)
                    (x0, x1, x2, x3) = (V.Rectified(x0), V.Rectified(x1), V.Rectified(x2), V.Rectified(x3));
                var v = V.Load(g0 + i);
                (a0, b0) = (V.MultiplyAdd(x0, v, a0), V.MultiplyAdd(x1, v, b0));
                (c0, d0) = (V.MultiplyAdd(x2, v, c0), V.MultiplyAdd(x3, v, d0));
                v = V.Load(g1 + i);
                (a1, b1) = (V.MultiplyAdd(x0, v, a1), V.MultiplyAdd(x1, v, b1));
                (c1, d1) = (V.MultiplyAdd(x2, v, c1), V.MultiplyAdd(x3, v, d1));
                v = V.Load(g2 + i);
                (a2, b2) = (V.MultiplyAdd(x0, v, a2), V.MultiplyAdd(x1, v, b2));
                (c2, d2) = (V.MultiplyAdd(x2, v, c2), V.MultiplyAdd(x3, v, d2));
                v = V.Load(g3 + i);
                (a3, b3) = (V.MultiplyAdd(x0, v, a3), V.MultiplyAdd(x1, v, b3));
                (c3, d3) = (V.MultiplyAdd(x2, v, c3), V.MultiplyAdd(x3, v, d3));
            }
            StoreFour(products, a0, a1, a2, a3);
            StoreFour(products + 4 * Lanes, b0, b1, b2, b3);
            StoreFour(products + 8 * Lanes, c0, c1, c2, c3);
            StoreFour(products + 12 * Lanes, d0, d1, d2, d3);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override T Sum(T* products) => V.Sum(V.Load(products));
    }
}
