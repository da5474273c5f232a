using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Kernels;

/// <summary>The memory of a tensor in the order of <see cref="Lanes"/>: planes of pixels, one for each group and channel.</summary>
internal readonly unsafe struct Planes<T> where T : unmanaged
{
    private readonly Tensor _tensor;                    // so that it is not collected while somebody computes with its memory
    private readonly T* _data;
    private readonly long _groupStride, _channelStride, _innerStride;
    private readonly int _inner;

    /// <summary>The memory of a tensor, which must not be disposed while this is used.</summary>
    /// <param name="tensor">
    /// Groups x channels x height x width x lanes, or with the channels in two dimensions. Groups and channels may be parts of larger ones.
    /// </param>
    public Planes(Tensor tensor)
    {
        // Sizes one by one: TorchSharp's shape and stride() cost more than a small kernel.
        var dimensions = (int)tensor.dim();
        var row = dimensions - 3;
        if (dimensions is not (5 or 6) || tensor.size(row + 2) != Lanes.Count<T>() || tensor.stride(row + 2) != 1 ||
            tensor.stride(row + 1) != Lanes.Count<T>() ||
            tensor.size(row) > 1 && tensor.stride(row) != tensor.size(row + 1) * Lanes.Count<T>())
        {
            throw new ArgumentException(
                $"A tensor of shape [{string.Join(", ", tensor.shape)}] and strides [{string.Join(", ", tensor.stride())}] " +
                "is not in lanes.");
        }
        (_inner, _innerStride) = dimensions == 6 ? ((int)tensor.size(2), tensor.stride(2)) : (1, 0);
        (Groups, Channels) = ((int)tensor.size(0), (int)tensor.size(1) * _inner);
        (Height, Width) = ((int)tensor.size(row), (int)tensor.size(row + 1));
        (_groupStride, _channelStride) = (tensor.stride(0), tensor.stride(1));
        _tensor = tensor;
        _data = Memory.Of<T>(tensor);
    }

    public int Groups { get; }

    public int Channels { get; }

    public int Height { get; }

    public int Width { get; }

    /// <summary>Pixels of a plane.</summary>
    public int Pixels => Height * Width;

    /// <summary>Numbers of a plane.</summary>
    public long PlaneSize => (long)Pixels * Lanes.Count<T>();

    /// <summary>Whether the channels are in one dimension.</summary>
    public bool HasChannelStride => _inner == 1;

    /// <summary>Numbers from a channel to the next, where the channels are in one dimension.</summary>
    public long ChannelStride => _channelStride;

    /// <summary>The first number of a plane.</summary>
    public T* this[int group, int channel] => _inner == 1
        ? _data + group * _groupStride + channel * _channelStride
        : _data + group * _groupStride + channel / _inner * _channelStride + channel % _inner * _innerStride;
}

/// <summary>The memory of plain tensors, and memory to work in.</summary>
internal static unsafe class Memory
{
    [ThreadStatic]
    private static byte[]? t_scratch;

    /// <summary>The first number of a tensor, which must outlive its use.</summary>
    /// <exception cref="ArgumentException">Its numbers are of another type, or in the memory of another device.</exception>
    public static T* Of<T>(Tensor tensor) where T : unmanaged
    {
        var type = typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32;
        if (tensor.dtype != type || tensor.device_type != DeviceType.CPU)
        {
            throw new ArgumentException($"A tensor is {tensor.dtype} on '{tensor.device}'; expected {type} on 'cpu', as the images are. " +
                "Convert the whole network or the images.");
        }
        var data = (T*)NativeTensor.Data(tensor);
        if (data != null || tensor.numel() == 0)
            return data;
        // Only of contiguous tensors gives TorchSharp the memory: of others the first number.
        using var scope = NewDisposeScope();
        while (!tensor.is_contiguous())
            tensor = tensor.select(0, 0);
        return (T*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
    }

    /// <summary>Memory of this thread, aligned to pixels, until the next call.</summary>
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
