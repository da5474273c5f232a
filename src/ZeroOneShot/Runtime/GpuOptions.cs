namespace ZeroOneShot.Runtime;

/// <summary>How steps of a search or a training compute on an NVIDIA GPU. Without effect on the processor.</summary>
public sealed record GpuOptions
{
    /// <summary>
    /// How exactly. TF32 is a setting of the whole process, which a step makes and takes back. Default: libtorch's own.
    /// </summary>
    public GpuPrecision Precision { get; init; } = GpuPrecision.Default;

    /// <summary>
    /// Whether the channels of a pixel lie side by side in memory (NHWC), as the tensor cores of a GPU read them; else those of a plane, as
    /// in the public code. Default true.
    /// </summary>
    public bool ChannelsLast { get; init; } = true;

    /// <exception cref="ArgumentException">The precision is none.</exception>
    internal void Validate()
    {
        if (!Enum.IsDefined(Precision))
            throw new ArgumentException($"Gpu.Precision is {Precision}; expected Default, Float32, TensorFloat32 or BFloat16.");
    }
}
