using TorchSharp;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Layers;

/// <summary>Has a GPU compute as <see cref="GpuOptions"/> say, until it is disposed, on this thread.</summary>
internal sealed class GpuArithmetic : IDisposable
{
    private readonly (bool Convolutions, bool Products)? _before;
    private readonly bool _planarBefore = MemoryLayout.PlanarHere;

    private GpuArithmetic(GpuOptions options)
    {
        MemoryLayout.PlanarHere = !options.ChannelsLast;
        Autocasts = options.Precision == GpuPrecision.BFloat16;
        if (options.Precision is GpuPrecision.Float32 or GpuPrecision.TensorFloat32)
        {
            _before = (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32);
            TorchRuntime.TensorFloat32 = options.Precision == GpuPrecision.TensorFloat32;
        }
    }

    /// <summary>Whether modules are to run in libtorch's autocast.</summary>
    public bool Autocasts { get; }

    /// <summary>Begins it; null on the processor, where nothing is to be done.</summary>
    public static GpuArithmetic? Begin(GpuOptions options, torch.Device device) =>
        device.type == DeviceType.CPU ? null : new GpuArithmetic(options);

    /// <summary>Refuses what this libtorch cannot do, before anything is built.</summary>
    /// <exception cref="InvalidOperationException">There is no autocast.</exception>
    public static void Check(GpuOptions options, torch.Device device)
    {
        if (device.type != DeviceType.CPU && options.Precision == GpuPrecision.BFloat16)
            Autocast.Check();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        MemoryLayout.PlanarHere = _planarBefore;
        if (_before is { } before)
            (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) = before;
    }
}
