namespace ZeroOneShot.Runtime;

/// <summary>How exactly an NVIDIA GPU convolves and multiplies matrices.</summary>
public enum GpuPrecision
{
    /// <summary>As libtorch and PyTorch do by themselves: TF32 in convolutions, single precision in matrix products.</summary>
    Default,

    /// <summary>Single precision throughout.</summary>
    Float32,

    /// <summary>Factors are rounded to 10 bits (TF32), sums stay in single precision; on an Ampere GPU or a later one.</summary>
    TensorFloat32,

    /// <summary>
    /// libtorch's autocast: convolutions, matrix products and what lies between them within an operation are in bfloat16 (8 bits of
    /// mantissa), losses, sums of operations, weights and their gradients in single precision. TorchSharp 0.107 has no autocast; libtorch's
    /// own is called, which is possible on Linux.
    /// </summary>
    BFloat16,
}
