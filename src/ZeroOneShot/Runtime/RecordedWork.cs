using static TorchSharp.torch;

namespace ZeroOneShot.Runtime;

/// <summary>Work that can be done again and again, on the same tensors, without saying anew what it consists of.</summary>
internal abstract class RecordedWork : IDisposable
{
    /// <summary>What it computed last; in no dispose scope, and disposed with it.</summary>
    public abstract IReadOnlyList<Tensor> Results { get; }

    /// <summary>Does it.</summary>
    public abstract void Repeat();

    /// <inheritdoc/>
    public abstract void Dispose();
}
