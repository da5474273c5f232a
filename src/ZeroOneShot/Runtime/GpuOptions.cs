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
    /// in the public code. Default false, the order in which whole steps of a search on a GPU were compared with the processor's, though on
    /// an H200 recorded steps of Zero-One-Shot take two thirds of the time with it; a training has it on by default.
    /// </summary>
    public bool ChannelsLast { get; init; }

    /// <summary>
    /// Whether the work of a lean search step is recorded when it is first done and from then on launched as a whole (a CUDA graph),
    /// instead of by thousands of launches; the numbers are the same. Without effect where libtorch does not offer it, for relaxations that
    /// run other operations from step to step, and for layers that are random or one's own. Default true.
    /// </summary>
    public bool Records { get; init; } = true;

    /// <exception cref="ArgumentException">The precision is none.</exception>
    internal void Validate()
    {
        if (!Enum.IsDefined(Precision))
            throw new ArgumentException($"Gpu.Precision is {Precision}; expected Default, Float32, TensorFloat32 or BFloat16.");
    }
}
