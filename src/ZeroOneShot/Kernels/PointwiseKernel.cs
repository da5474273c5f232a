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
        var (blocks, pairs) = ((to - from + Outputs - 1) / Outputs, (last - first + Together - 1) / Together);
        // Some pixels of the inputs, close together as their planes are not, and a sum for every lane of every product.
        const int size = Outputs * Together;
        var packed = Memory.Scratch<T>(((long)pairs * Together * CorrelatedPixels + (long)blocks * pairs * size) * Lanes);
        var registers = packed + pairs * Together * CorrelatedPixels * Lanes;
        new Span<T>(registers, blocks * pairs * size * Lanes).Clear();
        T** outputs = stackalloc T*[Outputs];
        for (var group = 0; group < x.Groups; group++)
        {
            for (var pixel = 0; pixel < x.Pixels; pixel += CorrelatedPixels)
            {
                var count = Math.Min(CorrelatedPixels, x.Pixels - pixel) * Lanes;
                // What a last pair or block lacks is the last plane once more; its sums are not used.
                for (var i = 0; i < pairs * Together; i++)
                {
                    Loops.Widest.Copy(x[group, Math.Min(first + i, last - 1)] + pixel * Lanes,
                        packed + i * CorrelatedPixels * Lanes, count, rectify);
                }
                var at = registers;
                for (var block = 0; block < blocks; block++)
                {
                    for (var i = 0; i < Outputs; i++)
                        outputs[i] = g[group, Math.Min(from + block * Outputs + i, to - 1)] + pixel * Lanes;
                    for (var pair = 0; pair < pairs; pair++, at += size * Lanes)
                    {
                        Loops.Widest.AddProducts(
                            outputs, packed + pair * Together * CorrelatedPixels * Lanes, CorrelatedPixels * Lanes, count, at);
                    }
                }
            }
        }
        for (var output = from; output < to; output++)
        {
            for (var input = first; input < last; input++)
            {
                var product = ((output - from) / Outputs * pairs + (input - first) / Together) * size +
                    (input - first) % Together * Outputs + (output - from) % Outputs;
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
        // Planes lie powers of two apart, where caches keep only a few of them: many channels are packed, some pixels at a time.
        var packs = x.Channels > MostPlanes;
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
                        Loops.Widest.Multiply(from, packs ? size : x.ChannelStride, x.Channels, m + block * Outputs * x.Channels, to,
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

        /// <summary>Copies some pixels of all planes to where they lie close together, so many numbers from a plane to the next.</summary>
        public abstract void Pack(Planes<T> x, T* packed, int group, int first, int count, int size, bool rectify);

        /// <summary>Four outputs of some numbers. Where there are gates, zeros where they are not positive.</summary>
        public abstract void Multiply(T* from, long channelStride, int channels, T* weights, T** to, T** gates, int numbers, bool rectify);

        /// <summary>Copies numbers.</summary>
        public abstract void Copy(T* from, T* to, int numbers, bool rectify);

        /// <summary>
        /// Adds the products of four outputs with two inputs to eight pixels, number by number: those with the first input come first.
        /// </summary>
        public abstract void AddProducts(T** outputs, T* inputs, nint inputStride, nint numbers, T* products);

        /// <summary>The sum of the numbers of a pixel that <see cref="AddProducts"/> added to.</summary>
        public abstract T Sum(T* products);
    }

    private sealed class Loops<V> : Loops where V : struct, IRegister<V, T>
    {
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
        public override void AddProducts(T** outputs, T* inputs, nint inputStride, nint numbers, T* products)
        {
            // No calls while the sums are in registers, or they would go through memory.
            T* g0 = outputs[0], g1 = outputs[1], g2 = outputs[2], g3 = outputs[3], x0 = inputs, x1 = inputs + inputStride;
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
        public override T Sum(T* products) => V.Sum(V.Load(products));
    }
}
