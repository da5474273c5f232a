using System.Buffers.Binary;
using System.Security.Cryptography;
using Google.Protobuf;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Onnx;

/// <summary>Reads ONNX models, on their own and inside models saved by ML.NET, without ONNX Runtime and without ML.NET.</summary>
/// <remarks>
/// A model of this library ends with its checksum: a last piece of metadata with the SHA-256 of all bytes before it. So nothing in it,
/// weights, nodes or texts, can change without being noticed, whatever parts of the format this library knows.
/// </remarks>
internal static class OnnxFiles
{
    private const string AnyModel = "an ONNX model (.onnx), or an ML.NET model (.zip) that holds one";
    private const string Expected = $"Expected {AnyModel}.";

    // How ML.NET's OnnxTransformer calls the model inside a saved pipeline, whatever the folder around it.
    private const string EntryName = "OnnxModel";

    /// <summary>Reads a file; see <see cref="OnnxMetadata.Read(string)"/>.</summary>
    public static OnnxModel Read(string path)
    {
        using var file = InputFile.Open(path, AnyModel);
        if (!CheckedZip.Begins(file))
            return Parse(ReadAll(file, $"'{path}'"), $"'{path}'");
        var models = ReadZip(file, path, out var entries);
        return models.Count > 0
            ? models.Aggregate((last, next) => next.Texts.Count > 0 ? next : last)
            : throw new InvalidDataException(
                $"'{path}' is a zip without an ONNX model: no entry '{EntryName}' among its {entries}. {Expected}");
    }

    /// <summary>Verifies a zip that ML.NET will load: every entry, and the checksums of the models of this library in it.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is no zip, or is damaged.</exception>
    public static void VerifyZip(string path)
    {
        using var file = InputFile.Open(path, "a model that mlContext.Model.Save wrote (.zip)");
        if (!CheckedZip.Begins(file))
            throw new InvalidDataException(
                $"'{path}' is not a zip; expected a model that mlContext.Model.Save wrote. Save the model again.");
        ReadZip(file, path, out _);
    }

    /// <summary>Reads a model from where a stream stands to its end.</summary>
    public static OnnxModel Read(Stream stream, string where)
    {
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            if (content.Length + read > Array.MaxLength)
                throw TooLong(where);
            content.Write(buffer, 0, read);
        }
        return Parse(content.GetBuffer().AsMemory(0, (int)content.Length), where);
    }

    /// <summary>Writes a model with its checksum.</summary>
    public static void Write(ModelProto model, Stream stream)
    {
        using var hash = SHA256.Create();
        using (var hashed = new CryptoStream(stream, hash, CryptoStreamMode.Write, leaveOpen: true))
            model.WriteTo(hashed);
        stream.Write(Ending(Convert.ToHexStringLower(hash.Hash!)));
    }

    private static OnnxModel Parse(ReadOnlyMemory<byte> content, string where)
    {
        ModelProto model;
        try
        {
            model = ModelProto.Parser.WithDiscardUnknownFields(true).ParseFrom(content.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidDataException($"{where} is not an ONNX model: {e.Message} {Expected}", e);
        }
        if (model.IrVersion <= 0 || model.Graph is null)
            throw new InvalidDataException($"{where} is not an ONNX model: it has no version or no graph. {Expected}");
        // Other programs may keep the numbers in fields of other kinds, which are not read here.
        foreach (var constant in model.Graph.Initializer.Where(constant => constant.RawData.Length > 0 || IsOutside(constant)))
            ThrowIfNotWhole(constant, where);
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in model.MetadataProps)
            texts[entry.Key] = entry.Value;
        var checksum = Checksum.Expected(texts, where);
        if (checksum is not null)
        {
            var ending = Ending(checksum);
            if (!content.Span.EndsWith(ending)
                || Convert.ToHexStringLower(SHA256.HashData(content.Span[..^ending.Length])) != checksum)
            {
                throw Checksum.Damaged(where);
            }
            texts.Remove(Checksum.Key);
            texts.Remove(Checksum.FormatKey);
        }
        return new OnnxModel(model.Graph, texts.AsReadOnly(), checksum is not null, where);
    }

    /// <summary>
    /// Refuses a constant whose values are in another file, or are more or fewer than its shape says: whoever reads the model next may
    /// believe the shape.
    /// </summary>
    /// <exception cref="InvalidDataException">It is such a constant; the message names it.</exception>
    public static void ThrowIfNotWhole(TensorProto constant, string where)
    {
        var tensor = $"Tensor '{constant.Name}' of {where}";
        if (IsOutside(constant))
        {
            throw new InvalidDataException($"{tensor} has its values in another file, as this library never writes it. " +
                "Use the model as it was saved.");
        }
        var size = (TensorProto.Types.DataType)constant.DataType switch
        {
            TensorProto.Types.DataType.Float => sizeof(float),
            TensorProto.Types.DataType.Int64 => sizeof(long),
            TensorProto.Types.DataType.Uint8 => sizeof(byte),
            _ => 0,                                             // texts, and what this library does not write
        };
        if (size == 0)
            return;
        // A product that grows beyond all bytes there can be ends as too large, not as whatever is left of it.
        var bytes = constant.Dims.Aggregate(
            (Int128)size, (product, length) => length < 0 || product < 0 ? -1 : Int128.Min(product * length, long.MaxValue));
        if (bytes != constant.RawData.Length)
        {
            throw new InvalidDataException($"{tensor} has the shape [{string.Join(", ", constant.Dims.Take(8))}], for which " +
                $"{(bytes < 0 ? "there are no bytes" : $"{bytes} bytes are needed")}, and {constant.RawData.Length} bytes. " +
                "The file is damaged: take another copy of it.");
        }
    }

    private static bool IsOutside(TensorProto constant) => constant.DataLocation != 0 || constant.ExternalData.Count > 0;

    /// <summary>Two more metadata: messages of this format that follow one another are one message.</summary>
    private static byte[] Ending(string checksum) => new ModelProto
    {
        MetadataProps =
        {
            new StringStringEntryProto { Key = Checksum.FormatKey, Value = Checksum.Format },
            new StringStringEntryProto { Key = Checksum.Key, Value = checksum },
        },
    }.ToByteArray();

    private static List<OnnxModel> ReadZip(FileStream file, string path, out int entries)
    {
        using var zip = CheckedZip.Open(file, path);
        entries = zip.Entries.Count;
        CheckedZip.ThrowIfLarger(zip, file, path);
        var models = new List<OnnxModel>();
        foreach (var entry in zip.Entries.OrderBy(entry => entry.FullName, StringComparer.Ordinal))
        {
            if (entry.Name == EntryName || entry.FullName.EndsWith('\\' + EntryName, StringComparison.Ordinal))
                models.Add(ReadEntry(CheckedZip.Read(entry, path), $"Entry '{entry.FullName}' of '{path}'"));
            else
                CheckedZip.Verify(entry, path);
        }
        return models;
    }

    /// <summary>The entry is the length of the model, as a 32-bit little-endian number, and then the model.</summary>
    private static OnnxModel ReadEntry(byte[] content, string where)
    {
        if (content.Length < sizeof(int) || BinaryPrimitives.ReadInt32LittleEndian(content) != content.Length - sizeof(int))
        {
            throw new InvalidDataException(
                $"{where} has {content.Length} bytes; expected a length of four bytes and then that many. Save the model again.");
        }
        return Parse(content.AsMemory(sizeof(int)), where);
    }

    private static byte[] ReadAll(FileStream file, string where)
    {
        if (file.Length > Array.MaxLength)
            throw TooLong(where);
        var content = new byte[file.Length];
        if (file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false) < content.Length)
            throw new InvalidDataException($"{where} became shorter while it was read. Read it again.");
        return content;
    }

    private static InvalidDataException TooLong(string where) =>
        new($"{where} is not an ONNX model: it has more than the {Array.MaxLength} bytes that the format allows. {Expected}");
}
