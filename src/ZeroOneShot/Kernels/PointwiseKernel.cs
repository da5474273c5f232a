using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;
using static ZeroOneShot.Kernels.Arithmetic;

namespace ZeroOneShot.Kernels;

/// <summary>1x1 convolutions, y = W max(x, 0) or W x in every pixel, and their gradients, on tensors in the order of <see cref="Lanes"/>.</summary>
internal static unsafe class PointwiseKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // Outputs and pixels that are computed together: their eight sums stay in registers.
    private const int Outputs = 4, Pixels = 2;

    // Bytes of pixels that are packed together, in a first-level cache; pixels of a plane that are correlated together, in a second-level one;
    // multiplications that are worth a thread's while.
    private const int TileSize = 1 << 15, CorrelatedPixels = 64, MinimumWork = 1 << 14;

    private static int Lanes => Vector512<T>.Count;

    /// <summary>y, into features of the right size.</summary>
    /// <param name="input">x.</param>
    /// <param name="weight">W: C' x C x 1 x 1.</param>
    /// <param name="output">y.</param>
    /// <param name="rectify">Whether negative numbers of x count as 0.</param>
    public static void Forward(Tensor input, Tensor weight, Tensor output, bool rectify)
    {
        var (x, y) = (new Planes<T>(input), new Planes<T>(output));
        var w = Memory.Of<T>(weight);
        Multiply(x, y, (output, i) => w[output * x.Channels + i], rectify, gate: null);
    }

    /// <summary>dL/dx from dL/dy.</summary>
    /// <param name="gradient">dL/dy.</param>
    /// <param name="weight">W.</param>
    /// <param name="inputGradient">dL/dx, of the right size.</param>
    /// <param name="rectified">x where its negative numbers counted as 0, or null: dL/dx is 0 where it is not positive.</param>
    public static void InputGradient(Tensor gradient, Tensor weight, Tensor inputGradient, Tensor? rectified)
    {
        var (g, gx) = (new Planes<T>(gradient), new Planes<T>(inputGradient));
        var w = Memory.Of<T>(weight);
        Multiply(g, gx, (i, output) => w[output * gx.Channels + i], rectify: false, gate: rectified is null ? null : new Planes<T>(rectified));
    }

    /// <summary>Adds dL/dW.</summary>
    public static void AddWeightGradient(Tensor gradient, Tensor input, Tensor weightGradient, bool rectify)
    {
        var (g, x) = (new Planes<T>(gradient), new Planes<T>(input));
        var sums = Memory.Of<T>(weightGradient);
        var blocks = (g.Channels + Outputs - 1) / Outputs;
        Workers.Each(blocks, block =>
        {
            // Some pixels of all channels at a time, so that they stay in the cache while they meet one another.
            for (var group = 0; group < x.Groups; group++)
            {
                for (var first = 0; first < x.Pixels; first += CorrelatedPixels)
                {
                    var count = Math.Min(CorrelatedPixels, x.Pixels - first);
                    for (var channel = 0; channel < x.Channels; channel += Pixels)
                        AddProducts(g, block * Outputs, x, channel, group, first, count, sums, rectify);
                }
            }
        });
    }

    /// <summary>Multiplies all pixels by a matrix, in blocks of outputs and pixels.</summary>
    private static void Multiply(Planes<T> x, Planes<T> y, Func<int, int, T> entry, bool rectify, Planes<T>? gate)
    {
        // The matrix in the order in which blocks of outputs read it; what a last block lacks are zeros.
        var blocks = (y.Channels + Outputs - 1) / Outputs;
        var matrix = new T[blocks * Outputs * x.Channels];
        for (var output = 0; output < y.Channels; output++)
        {
            for (var i = 0; i < x.Channels; i++)
                matrix[(output / Outputs * x.Channels + i) * Outputs + output % Outputs] = entry(output, i);
        }
        // Some pixels of all channels, packed: planes lie a power of two apart, where caches keep only a few of them.
        var tile = Math.Clamp(TileSize / (x.Channels * Lanes * sizeof(T)) / Pixels * Pixels, Pixels, 16 * Pixels);
        var tiles = (x.Pixels + tile - 1) / tile;
        var perTask = Math.Max(1, MinimumWork / (tile * x.Channels * y.Channels));
        var tasks = (x.Groups * tiles + perTask - 1) / perTask;
        Workers.Each(tasks, task =>
        {
            var packed = Memory.Scratch<T>((long)tile * x.Channels * Lanes);
            fixed (T* m = matrix)
            {
                for (var at = task * perTask; at < Math.Min((task + 1) * perTask, x.Groups * tiles); at++)
                {
                    var (group, first) = (at / tiles, at % tiles * tile);
                    var count = Math.Min(tile, x.Pixels - first);
                    Pack(x, packed, group, first, count, tile, rectify);
                    for (var block = 0; block < blocks; block++)
                    {
                        for (var pixel = 0; pixel < count; pixel += Pixels)
                            MultiplyBlock(packed + pixel * Lanes, tile, x.Channels, m + block * Outputs * x.Channels, y, gate, group, first + pixel, block * Outputs);
                    }
                }
            }
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack(Planes<T> x, T* packed, int group, int first, int count, int tile, bool rectify)
    {
        for (var channel = 0; channel < x.Channels; channel++, packed += tile * Lanes)
        {
            var from = x[group, channel] + first * Lanes;
            for (var i = 0; i < count * Lanes; i += Lanes)
            {
                var pixel = Vector512.Load(from + i);
                (rectify ? Rectified(pixel) : pixel).Store(packed + i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyBlock(
        T* from, int tile, int channels, T* w, Planes<T> y, Planes<T>? gate, int group, int pixel, int output)
    {
        var (a0, a1, a2, a3) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
        var (b0, b1, b2, b3) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
        for (var i = 0; i < channels; i++, from += tile * Lanes, w += Outputs)
        {
            var (a, b) = (Vector512.Load(from), Vector512.Load(from + Lanes));
            var w0 = Vector512.Create(w[0]);
            (a0, b0) = (MultiplyAdd(a, w0, a0), MultiplyAdd(b, w0, b0));
            var w1 = Vector512.Create(w[1]);
            (a1, b1) = (MultiplyAdd(a, w1, a1), MultiplyAdd(b, w1, b1));
            var w2 = Vector512.Create(w[2]);
            (a2, b2) = (MultiplyAdd(a, w2, a2), MultiplyAdd(b, w2, b2));
            var w3 = Vector512.Create(w[3]);
            (a3, b3) = (MultiplyAdd(a, w3, a3), MultiplyAdd(b, w3, b3));
        }
        Put(y, gate, group, output, pixel, a0, b0);
        Put(y, gate, group, output + 1, pixel, a1, b1);
        Put(y, gate, group, output + 2, pixel, a2, b2);
        Put(y, gate, group, output + 3, pixel, a3, b3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(in Planes<T> y, in Planes<T>? gate, int group, int output, int pixel, Vector512<T> a, Vector512<T> b)
    {
        if (output >= y.Channels)
            return;
        var second = pixel + 1 < y.Pixels;
        if (gate is { } gates)
        {
            var open = gates[group, output] + pixel * Lanes;
            a &= Vector512.GreaterThan(Vector512.Load(open), Vector512<T>.Zero);
            if (second)
                b &= Vector512.GreaterThan(Vector512.Load(open + Lanes), Vector512<T>.Zero);
        }
        var to = y[group, output] + pixel * Lanes;
        a.Store(to);
        if (second)
            b.Store(to + Lanes);
    }

    /// <summary>The products of four planes of the gradient with two of the input, summed over some pixels and the images of a group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddProducts(Planes<T> g, int output, Planes<T> x, int channel, int group, int first, int pixels, T* sums, bool rectify)
    {
        var (a0, a1, a2, a3) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
        var (b0, b1, b2, b3) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
        // What a last block lacks is computed with the last plane, and not kept.
        var (last, lastInput) = (g.Channels - 1, x.Channels - 1);
        T* g0 = g[group, output], g1 = g[group, Math.Min(output + 1, last)];
        T* g2 = g[group, Math.Min(output + 2, last)], g3 = g[group, Math.Min(output + 3, last)];
        T* x0 = x[group, channel], x1 = x[group, Math.Min(channel + 1, lastInput)];
        var end = (long)(first + pixels) * Lanes;
        for (var i = (long)first * Lanes; i < end; i += Lanes)
        {
            var (a, b) = (Vector512.Load(x0 + i), Vector512.Load(x1 + i));
            if (rectify)
                (a, b) = (Rectified(a), Rectified(b));
            var v = Vector512.Load(g0 + i);
            (a0, b0) = (MultiplyAdd(a, v, a0), MultiplyAdd(b, v, b0));
            v = Vector512.Load(g1 + i);
            (a1, b1) = (MultiplyAdd(a, v, a1), MultiplyAdd(b, v, b1));
            v = Vector512.Load(g2 + i);
            (a2, b2) = (MultiplyAdd(a, v, a2), MultiplyAdd(b, v, b2));
            v = Vector512.Load(g3 + i);
            (a3, b3) = (MultiplyAdd(a, v, a3), MultiplyAdd(b, v, b3));
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
    private static void Add(T* sums, Vector512<T> a, Vector512<T> b, bool two)
    {
        sums[0] += Vector512.Sum(a);
        if (two)
            sums[1] += Vector512.Sum(b);
    }
}
