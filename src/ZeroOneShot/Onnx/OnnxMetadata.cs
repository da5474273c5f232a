using System.Buffers.Binary;
using System.IO.Compression;
using Google.Protobuf;

namespace ZeroOneShot.Onnx;

/// <summary>The free texts (<c>metadata_props</c>) of an ONNX model, read without ONNX Runtime and without ML.NET.</summary>
public static class OnnxMetadata
{
    private const string Expected = "Expected an ONNX model (.onnx), or an ML.NET model (.zip) that holds one.";

    // How ML.NET's OnnxTransformer calls the model inside a saved pipeline, whatever the folder around it.
    private const string EntryName = "OnnxModel";

    /// <summary>Reads the texts of an ONNX model.</summary>
    /// <param name="onnx">The model, from its first byte to the end of the stream.</param>
    /// <returns>The texts by key; empty where the model has none.</returns>
    /// <exception cref="InvalidDataException">This is not an ONNX model.</exception>
    public static IReadOnlyDictionary<string, string> Read(Stream onnx)
    {
        ArgumentNullException.ThrowIfNull(onnx);
        return Parse(onnx, "The stream");
    }

    /// <summary>Reads the texts of an ONNX model, on its own or inside a model saved by ML.NET.</summary>
    /// <param name="path">An ONNX file, or a zip written by ML.NET with an ONNX model in its pipeline.</param>
    /// <returns>
    /// The texts by key; empty where the model has none. Of several ONNX models in a zip, those of the last that has any: the pipeline is
    /// saved in order, and models that come earlier prepare the data for those that come later.
    /// </returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is neither, or the zip has no ONNX model.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var file = File.OpenRead(path);
        return IsZip(file) ? ReadZip(file, path) : Parse(file, $"'{path}'");
    }

    private static bool IsZip(FileStream file)
    {
        Span<byte> start = stackalloc byte[4];
        var length = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        file.Position = 0;
        return length == start.Length && start.SequenceEqual("PK\u0003\u0004"u8);
    }

    private static IReadOnlyDictionary<string, string> ReadZip(FileStream file, string path)
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
            return entries.Select(entry => ReadEntry(entry, path)).Aggregate((last, next) => next.Count > 0 ? next : last);
        }
    }

    /// <summary>The entry is the length of the model, as a 32-bit little-endian number, and then the model.</summary>
    private static IReadOnlyDictionary<string, string> ReadEntry(ZipArchiveEntry entry, string path)
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

    private static IReadOnlyDictionary<string, string> Parse(Stream stream, string where)
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
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in model.MetadataProps)
            texts[entry.Key] = entry.Value;
        return texts.AsReadOnly();
    }
}
