using System.Buffers.Binary;
using System.IO.Compression;
using Google.Protobuf;

namespace ZeroOneShot.Onnx;

/// <summary>Reads ONNX models, on their own and inside models saved by ML.NET, without ONNX Runtime and without ML.NET.</summary>
internal static class OnnxFiles
{
    private const string Expected = "Expected an ONNX model (.onnx), or an ML.NET model (.zip) that holds one.";

    // How ML.NET's OnnxTransformer calls the model inside a saved pipeline, whatever the folder around it.
    private const string EntryName = "OnnxModel";

    // The first field of an ONNX model, its version.
    private const byte VersionTag = 0x08;

    /// <summary>Whether a file begins as a zip or as an ONNX model.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static bool IsOnnxOrZip(string path)
    {
        using var file = File.OpenRead(path);
        return IsZip(file) || file.ReadByte() == VersionTag;
    }

    /// <summary>Reads a file; see <see cref="OnnxMetadata.Read(string)"/>.</summary>
    public static ModelProto Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var file = File.OpenRead(path);
        return IsZip(file) ? ReadZip(file, path) : Parse(file, $"'{path}'");
    }

    /// <summary>Reads a model from its first byte to the end of the stream.</summary>
    public static ModelProto Parse(Stream stream, string where)
    {
        ModelProto model;
        try
        {
            model = ModelProto.Parser.WithDiscardUnknownFields(true).ParseFrom(stream);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidDataException)
        {
            throw new InvalidDataException($"{where} is not an ONNX model: {e.Message} {Expected}", e);
        }
        if (model.IrVersion <= 0 || model.Graph is null)
            throw new InvalidDataException($"{where} is not an ONNX model: it has no version or no graph. {Expected}");
        return model;
    }

    /// <summary>The model's metadata.</summary>
    public static IReadOnlyDictionary<string, string> TextsOf(ModelProto model)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in model.MetadataProps)
            texts[entry.Key] = entry.Value;
        return texts.AsReadOnly();
    }

    private static bool IsZip(FileStream file)
    {
        Span<byte> start = stackalloc byte[4];
        var length = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        file.Position = 0;
        return length == start.Length && start.SequenceEqual("PK\u0003\u0004"u8);
    }

    private static ModelProto ReadZip(FileStream file, string path)
    {
        ZipArchive zip;
        try
        {
            zip = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"'{path}' begins as a zip but cannot be read as one: {e.Message} {Expected}", e);
        }
        using (zip)
        {
            var entries = zip.Entries.Where(e => e.Name == EntryName || e.FullName.EndsWith('\\' + EntryName, StringComparison.Ordinal))
                .OrderBy(e => e.FullName, StringComparer.Ordinal).ToList();
            if (entries.Count == 0)
            {
                throw new InvalidDataException(
                    $"'{path}' is a zip without an ONNX model: no entry '{EntryName}' among its {zip.Entries.Count}. {Expected}");
            }
            return entries.Select(entry => ReadEntry(entry, path)).Aggregate((last, next) => next.MetadataProps.Count > 0 ? next : last);
        }
    }

    /// <summary>The entry is the length of the model, as a 32-bit little-endian number, and then the model.</summary>
    private static ModelProto ReadEntry(ZipArchiveEntry entry, string path)
    {
        var where = $"Entry '{entry.FullName}' of '{path}'";
        using var stream = entry.Open();
        Span<byte> prefix = stackalloc byte[sizeof(int)];
        var read = stream.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false);
        var length = BinaryPrimitives.ReadInt32LittleEndian(prefix);
        if (read < prefix.Length || length != entry.Length - sizeof(int))
        {
            throw new InvalidDataException(
                $"{where} has {entry.Length} bytes; expected a length of four bytes and then that many. Save the model again.");
        }
        return Parse(stream, where);
    }
}
