using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace ZeroOneShot.Kernels;

/// <summary>The memory of a tensor in the order of <see cref="Lanes"/>: planes of pixels, one for each group and channel.</summary>
internal readonly unsafe struct Planes<T> where T : unmanaged
{
    private readonly Tensor _tensor;                    // so that it is not collected while somebody computes with its memory
    private readonly T* _data;
    private readonly long _groupStride;

    /// <summary>The memory of a tensor, which must not be disposed while this is used.</summary>
    /// <param name="tensor">A tensor in lanes, of which the channels may be a part of another tensor's.</param>
    public Planes(Tensor tensor)
    {
        var (shape, strides) = (tensor.shape, tensor.stride());
        if (shape.Length != 5 || strides[4] != 1 || strides[3] != shape[4] || strides[2] != shape[3] * strides[3] ||
            shape[1] > 1 && strides[1] != shape[2] * strides[2] || shape[4] != Vector512<T>.Count)
        {
            throw new ArgumentException($"A tensor of shape [{string.Join(", ", shape)}] and strides [{string.Join(", ", strides)}] is not in lanes.");
        }
        (Groups, Channels, Height, Width, _groupStride) = ((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3], strides[0]);
        _tensor = tensor;
        using var first = tensor.select(0, 0);
        _data = Memory.Of<T>(first);
    }

    public int Groups { get; }

    public int Channels { get; }

    public int Height { get; }

    public int Width { get; }

    /// <summary>Pixels of a plane, each a vector.</summary>
    public int Pixels => Height * Width;

    /// <summary>Numbers of a plane.</summary>
    public long PlaneSize => (long)Pixels * Vector512<T>.Count;

    /// <summary>The first number of a plane.</summary>
    public T* this[int group, int channel] => _data + group * _groupStride + channel * PlaneSize;
}

/// <summary>The memory of plain tensors, and memory to work in.</summary>
internal static unsafe class Memory
{
    [ThreadStatic]
    private static byte[]? t_scratch;

    /// <summary>The first number of a contiguous tensor, which must outlive its use.</summary>
    public static T* Of<T>(Tensor tensor) where T : unmanaged =>
        (T*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));

    /// <summary>Memory of this thread, aligned to vectors, until the next call.</summary>
    public static T* Scratch<T>(long numbers) where T : unmanaged
    {
        const int alignment = 64;
        var size = checked((int)(numbers * sizeof(T)) + alignment);
        if (t_scratch is null || t_scratch.Length < size)
            t_scratch = GC.AllocateUninitializedArray<byte>(size, pinned: true);
        var address = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(t_scratch));
        return (T*)((address + alignment - 1) / alignment * alignment);
    }
}
