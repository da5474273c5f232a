using Microsoft.ML.Data;

namespace ZeroOneShot.ML.Tests;

/// <summary>The bytes of a file.</summary>
internal sealed class FileRow
{
    public byte[] File { get; set; } = [];

    [KeyType(2)]
    public uint Label { get; set; }
}
