using ZeroOneShot.Persistence;

namespace ZeroOneShot.Onnx;

/// <summary>An ONNX model as it was read.</summary>
/// <param name="Graph">The network.</param>
/// <param name="Texts">The metadata, other than the checksum's.</param>
/// <param name="HasChecksum">Whether it has the checksum that this library writes, which was verified then.</param>
/// <param name="Where">Where it was read from, in an error's words.</param>
internal sealed record OnnxModel(GraphProto Graph, IReadOnlyDictionary<string, string> Texts, bool HasChecksum, string Where)
{
    /// <summary>Refuses a model without the checksum that this library writes.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public void ThrowIfWithoutChecksum()
    {
        if (!HasChecksum)
            throw Checksum.Missing(Where);
    }
}
