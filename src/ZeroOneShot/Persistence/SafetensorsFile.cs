using System.Collections.ObjectModel;
using System.Security.Cryptography;
using System.Text;
using TorchSharp;

namespace ZeroOneShot.Persistence;

/// <summary>
/// A file of named tensors in the safetensors format, which Python's <c>safetensors</c> package reads and writes as well. The header is
/// read and checked as a whole by <see cref="Read"/>; the data of a tensor are read when it is loaded.
/// </summary>
/// <remarks>
/// What <see cref="Write(string, IEnumerable{ValueTuple{string, torch.Tensor}}, IReadOnlyDictionary{string, string})"/> writes has a
/// checksum over all its bytes, in two texts among the metadata (<c>zerooneshot.sha256</c>, <c>zerooneshot.format</c>), which
/// <see cref="Read"/> verifies. Files of other programs, which have none, are read too; <see cref="HasChecksum"/> tells them apart.
/// Weights (<see cref="Training.CellNetWeights"/>) and checkpoints must have it.
/// </remarks>
public sealed class SafetensorsFile
{
    private static readonly string s_unknown = new('0', Checksum.Length);

    private readonly long _dataStart;
    private readonly (long Length, DateTime Written) _stamp;

    private SafetensorsFile(
        string path, Dictionary<string, string> metadata, List<SafetensorEntry> entries, long dataStart, (long, DateTime) stamp)
    {
        Path = path;
        HasChecksum = metadata.Remove(Checksum.Key) | metadata.Remove(Checksum.FormatKey);
        Metadata = metadata.AsReadOnly();
        Tensors = new ReadOnlyDictionary<string, SafetensorEntry>(
            new OrderedDictionary<string, SafetensorEntry>(entries.Select(e => KeyValuePair.Create(e.Name, e)), StringComparer.Ordinal));
        _dataStart = dataStart;
        _stamp = stamp;
    }

    /// <summary>The path the file was read from.</summary>
    public string Path { get; }

    /// <summary>Whether the file has the checksum that this library writes; <see cref="Read"/> has verified it then.</summary>
    public bool HasChecksum { get; }

    /// <summary>The texts stored with the tensors, other than the checksum's; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors of the file by name, in the order of its header.</summary>
    public IReadOnlyDictionary<string, SafetensorEntry> Tensors { get; }

    /// <summary>Reads and checks the header of a file, and its checksum where it has one.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file, or it is a folder.</exception>
    /// <exception cref="InvalidDataException">
    /// The file is no regular one, is cut short, is of another format, is not what its checksum says, or a tensor's description contradicts
    /// itself, the file or another tensor; the message names the file and the first such tensor.
    /// </exception>
    public static SafetensorsFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var stream = OpenForReading(path);
        var stamp = Stamp(stream, path);
        var (metadata, entries, dataStart) = SafetensorsHeader.Read(stream, path);
        if (Checksum.Expected(metadata, $"'{path}'") is { } expected && ChecksumOf(stream, dataStart, expected) != expected)
            throw Checksum.Damaged($"'{path}'");
        return new(path, metadata, entries, dataStart, stamp);
    }

    /// <summary>
    /// Writes tensors to a file, all or nothing (see <see cref="AtomicFile"/>). Equal tensors and metadata give equal bytes.
    /// </summary>
    /// <param name="path">The file to write or replace.</param>
    /// <param name="tensors">
    /// Named tensors on any device and of any memory layout, in any order: they are stored row-major, the widest elements first and then
    /// by name.
    /// </param>
    /// <param name="metadata">Texts to store with them.</param>
    /// <exception cref="ArgumentException">
    /// Two tensors share a name, a name or a metadata key is reserved, or a type is unknown to the format.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(
        string path, IEnumerable<(string Name, torch.Tensor Tensor)> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(path, tensors, metadata, previous: null);

    /// <summary>The same, and what was there before becomes <paramref name="previous"/>.</summary>
    internal static void Write(
        string path, IEnumerable<(string Name, torch.Tensor Tensor)> tensors, IReadOnlyDictionary<string, string>? metadata,
        string? previous)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        var given = tensors.ToList();
        Check(given);
        var texts = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>());
        Checksum.ThrowIfOwned(texts.Keys);
        (texts[Checksum.FormatKey], texts[Checksum.Key]) = (Checksum.Format, s_unknown);

        // The widest elements come first, so that every tensor starts at a multiple of its element's size.
        var ordered = given.OrderByDescending(t => SafetensorType.ByDType[t.Tensor.dtype].Size)
            .ThenBy(t => t.Name, StringComparer.Ordinal).ToList();
        var entries = new List<SafetensorEntry>(ordered.Count);
        long begin = 0;
        foreach (var (name, tensor) in ordered)
        {
            var end = begin + tensor.numel() * SafetensorType.ByDType[tensor.dtype].Size;
            entries.Add(new(name, tensor.dtype, tensor.shape, begin, end));
            begin = end;
        }
        AtomicFile.Write(path, previous, stream =>
        {
            // The checksum is over the file with zeros in its own place.
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var head = SafetensorsHeader.Write(entries, texts);
            stream.Write(head);
            hash.AppendData(head);
            foreach (var (_, tensor) in ordered)
            {
                using var scope = torch.NewDisposeScope();
                var bytes = tensor.detach().cpu().contiguous().bytes;
                stream.Write(bytes);
                hash.AppendData(bytes);
            }
            stream.Position = PlaceOfChecksum(head, s_unknown);
            stream.Write(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset())));
        });
    }

    private static string ChecksumOf(FileStream stream, long dataStart, string written)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        stream.Position = 0;
        var head = new byte[dataStart];
        stream.ReadExactly(head);
        if (PlaceOfChecksum(head, written) is var place and >= 0)
            Encoding.ASCII.GetBytes(s_unknown).CopyTo(head, place);
        hash.AppendData(head);
        var buffer = new byte[1 << 18];
        for (int read; (read = stream.Read(buffer)) > 0;)
            hash.AppendData(buffer.AsSpan(0, read));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Where the checksum stands in the head of a file; -1 where it is written in another way than this library's.</summary>
    private static int PlaceOfChecksum(byte[] head, string checksum)
    {
        var key = $"\"{Checksum.Key}\":\"";                 // not within another text: quotation marks are escaped there
        var found = head.AsSpan().IndexOf(Encoding.UTF8.GetBytes($"{key}{checksum}\""));
        return found < 0 ? found : found + key.Length;
    }

    /// <summary>
    /// Whether a file begins as this format: a length, eight bytes of which the upper ones must be zero, and a brace. No ONNX model and no
    /// zip does.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is no such file, or it is a folder.</exception>
    /// <exception cref="InvalidDataException">The file is empty, a pipe or a device.</exception>
    internal static bool Begins(string path)
    {
        using var stream = OpenForReading(path);
        return SafetensorsHeader.Begins(stream);
    }

    /// <summary>Whether the file has a tensor of this name.</summary>
    /// <param name="name">The name.</param>
    public bool Contains(string name) => Tensors.ContainsKey(name);

    /// <summary>Reads one tensor into the memory of the CPU.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>A new tensor, which the caller owns.</returns>
    /// <exception cref="InvalidDataException">The file has no such tensor, or has changed since <see cref="Read"/>.</exception>
    public torch.Tensor Load(string name)
    {
        var entry = Entry(name);
        using var stream = OpenForReading(Path);
        if (Stamp(stream, Path) != _stamp)
            throw new InvalidDataException($"'{Path}' has changed since it was read; read it again before loading '{name}'.");
        var tensor = torch.empty([.. entry.Shape], entry.DType);
        try
        {
            stream.Position = _dataStart + entry.Begin;
            stream.ReadExactly(tensor.bytes);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Reads one tensor that must be of this type and shape.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="expectedType">The type its elements must have.</param>
    /// <param name="expectedShape">The shape it must have.</param>
    /// <returns>A new tensor, which the caller owns.</returns>
    /// <exception cref="InvalidDataException">The file has no such tensor, or it is of another type or shape.</exception>
    public torch.Tensor Load(string name, torch.ScalarType expectedType, long[] expectedShape)
    {
        ArgumentNullException.ThrowIfNull(expectedShape);
        var entry = Entry(name);
        if (entry.DType != expectedType || !entry.Shape.SequenceEqual(expectedShape))
        {
            throw new InvalidDataException(
                $"Tensor '{name}' of '{Path}' is {entry.DType} of shape [{string.Join(", ", entry.Shape)}]; " +
                $"expected {expectedType} of shape [{string.Join(", ", expectedShape)}]. Use a file made for the same network.");
        }
        return Load(name);
    }

    private SafetensorEntry Entry(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Tensors.TryGetValue(name, out var entry)
            ? entry
            : throw new InvalidDataException(
                $"'{Path}' has no tensor '{name}' among its {Tensors.Count}. Use a file made for the same network.");
    }

    private static void Check(List<(string Name, torch.Tensor Tensor)> tensors)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, tensor) in tensors)
        {
            if (name == SafetensorsHeader.MetadataName)
                throw new ArgumentException($"A tensor is named '{name}', a name kept for metadata. Choose another.", nameof(tensors));
            if (!seen.Add(name))
                throw new ArgumentException($"Two tensors are named '{name}'; names must differ.", nameof(tensors));
            if (!SafetensorType.ByDType.ContainsKey(tensor.dtype))
            {
                throw new ArgumentException(
                    $"Tensor '{name}' is of type {tensor.dtype}; expected one of {SafetensorType.KnownDTypes}. Convert it first.",
                    nameof(tensors));
            }
        }
    }

    private static FileStream OpenForReading(string path) => InputFile.Open(path, "a safetensors file");

    private static (long, DateTime) Stamp(FileStream stream, string path) => (stream.Length, File.GetLastWriteTimeUtc(path));
}
