namespace ZeroOneShot.Data;

/// <summary>
/// The pixels of images, one after the other in blocks, so that more of them can come without a copy of those before, and more than one
/// array holds.
/// </summary>
internal sealed class ImageBlocks
{
    private const int BlockBytes = 1 << 20;

    private readonly int _size, _perBlock;
    private readonly List<ReadOnlyMemory<byte>> _blocks = [];
    private byte[] _last = [];

    /// <summary>No images yet.</summary>
    /// <param name="shape">Of each image.</param>
    /// <param name="expected">How many images there will be; null while nobody knows.</param>
    /// <exception cref="ArgumentException">A part of the shape is below 1, or one image does not fit an array.</exception>
    public ImageBlocks(ImageShape shape, int? expected = null)
    {
        _size = ImageSet.ByteCount(1, shape);
        _perBlock = Math.Clamp(expected ?? int.MaxValue, 1, Math.Max(1, BlockBytes / _size));
    }

    /// <summary>Images that lie together already; no more can come.</summary>
    public ImageBlocks(ReadOnlyMemory<byte> pixels, int size)
    {
        (_size, Count) = (size, pixels.Length / size);
        _perBlock = Math.Max(1, Count);
        _blocks.Add(pixels);
    }

    /// <summary>The number of images.</summary>
    public int Count { get; private set; }

    /// <summary>The bytes of all images.</summary>
    public long Bytes => (long)Count * _size;

    /// <summary>The bytes that the next image adds to those that are held.</summary>
    public int NextBytes => Count < _blocks.Count * (long)_perBlock ? 0 : _perBlock * _size;

    /// <summary>The pixels of an image.</summary>
    public ReadOnlySpan<byte> this[int index] => _blocks[index / _perBlock].Span.Slice(index % _perBlock * _size, _size);

    /// <summary>One more image, whose pixels are to be written.</summary>
    public Span<byte> Add()
    {
        if (NextBytes > 0)
            _blocks.Add(_last = GC.AllocateUninitializedArray<byte>(_perBlock * _size));
        return _last.AsSpan(Count++ % _perBlock * _size, _size);
    }
}
