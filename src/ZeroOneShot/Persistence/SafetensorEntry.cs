using TorchSharp;

namespace ZeroOneShot.Persistence;

/// <summary>One tensor as the header of a safetensors file describes it.</summary>
/// <param name="name"><see cref="Name"/>.</param>
/// <param name="dType"><see cref="DType"/>.</param>
/// <param name="shape"><see cref="Shape"/>.</param>
/// <param name="begin"><see cref="Begin"/>.</param>
/// <param name="end"><see cref="End"/>.</param>
public sealed class SafetensorEntry(string name, torch.ScalarType dType, IReadOnlyList<long> shape, long begin, long end)
{
    /// <summary>The name of the tensor, for example <c>cells.3.preprocess0.op.1.weight</c>.</summary>
    public string Name { get; } = name;

    /// <summary>The type of its elements.</summary>
    public torch.ScalarType DType { get; } = dType;

    /// <summary>Its shape; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; } = shape;

    /// <summary>The first byte of its row-major little-endian data, counted from the end of the header.</summary>
    public long Begin { get; } = begin;

    /// <summary>The byte after its last.</summary>
    public long End { get; } = end;
}
