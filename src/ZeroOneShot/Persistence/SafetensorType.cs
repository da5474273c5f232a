using System.Collections.Frozen;
using TorchSharp;

namespace ZeroOneShot.Persistence;

/// <summary>The element types of the safetensors format that this library reads and writes: one row each.</summary>
/// <param name="Code">The name in the file.</param>
/// <param name="DType">TorchSharp's name.</param>
/// <param name="Size">Bytes per element.</param>
internal sealed record SafetensorType(string Code, torch.ScalarType DType, int Size)
{
    private static readonly SafetensorType[] s_all =
    [
        new("F64", torch.ScalarType.Float64, 8),
        new("F32", torch.ScalarType.Float32, 4),
        new("F16", torch.ScalarType.Float16, 2),
        new("BF16", torch.ScalarType.BFloat16, 2),
        new("I64", torch.ScalarType.Int64, 8),
        new("I32", torch.ScalarType.Int32, 4),
        new("I16", torch.ScalarType.Int16, 2),
        new("I8", torch.ScalarType.Int8, 1),
        new("U8", torch.ScalarType.Byte, 1),
        new("BOOL", torch.ScalarType.Bool, 1),
    ];

    public static IReadOnlyDictionary<string, SafetensorType> ByCode { get; } =
        s_all.ToFrozenDictionary(t => t.Code, StringComparer.Ordinal);

    public static IReadOnlyDictionary<torch.ScalarType, SafetensorType> ByDType { get; } = s_all.ToFrozenDictionary(t => t.DType);

    public static string KnownCodes { get; } = string.Join(", ", s_all.Select(t => t.Code));

    public static string KnownDTypes { get; } = string.Join(", ", s_all.Select(t => t.DType));
}
