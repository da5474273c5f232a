using TorchSharp;

namespace ZeroOneShot.Persistence;

/// <summary>One tensor as the header of a safetensors file describes it.</summary>
/// <param name="Name">The name of the tensor, for example <c>cells.3.preprocess0.op.1.weight</c>.</param>
/// <param name="DType">The type of its elements.</param>
/// <param name="Shape">Its shape; empty for a scalar.</param>
/// <param name="Begin">The first byte of its row-major little-endian data, counted from the end of the header.</param>
/// <param name="End">The byte after its last.</param>
public sealed record SafetensorEntry(string Name, torch.ScalarType DType, IReadOnlyList<long> Shape, long Begin, long End);
