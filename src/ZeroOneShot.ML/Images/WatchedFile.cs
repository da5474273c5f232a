using System.Buffers;
using System.Diagnostics;
using SkiaSharp;

namespace ZeroOneShot.ML;

/// <summary>
/// The content of a file for Skia, which cannot be told to stop: once the time is up the file ends, and with it the decoding. Skia owns it.
/// </summary>
internal sealed unsafe class WatchedFile : SKAbstractManagedStream
{
    // Some bytes of a file ask for a pass over the whole picture: a watched file is handed out in small parts.
    private const int Parts = 256, SmallestPart = 16;

    private readonly ReadOnlySequence<byte> _file;
    private readonly TimeSpan? _most;
    private readonly CancellationToken _cancellationToken;
    private readonly long _part;
    private readonly long _start = Stopwatch.GetTimestamp();
    private ReadOnlySequence<byte> _rest;

    /// <param name="file">The content; must stay as it is while Skia reads.</param>
    /// <param name="most">The time; null: no limit.</param>
    /// <param name="cancellationToken">Ends the file too.</param>
    public WatchedFile(ReadOnlySequence<byte> file, TimeSpan? most, CancellationToken cancellationToken)
    {
        (_file, _rest, _most, _cancellationToken) = (file, file, most, cancellationToken);
        _part = most is null && !cancellationToken.CanBeCanceled ? long.MaxValue : Math.Max(file.Length / Parts, SmallestPart);
    }

    /// <summary>Whether the file ended before its end.</summary>
    public bool TimeIsUp { get; private set; }

    protected override IntPtr OnRead(IntPtr buffer, IntPtr size)
    {
        if (TimeIsUp |= _cancellationToken.IsCancellationRequested || Stopwatch.GetElapsedTime(_start) > _most)
            return 0;
        // Without a buffer it is asked to skip.
        var count = Math.Min(_rest.Length, buffer == 0 ? size : Math.Min(size, _part));
        if (buffer != 0)
            _rest.Slice(0, count).CopyTo(new Span<byte>((void*)buffer, (int)count));
        _rest = _rest.Slice(count);
        return (IntPtr)count;
    }

    protected override IntPtr OnPeek(IntPtr buffer, IntPtr size)
    {
        var count = Math.Min(_rest.Length, size);
        _rest.Slice(0, count).CopyTo(new Span<byte>((void*)buffer, (int)count));
        return (IntPtr)count;
    }

    protected override bool OnIsAtEnd() => TimeIsUp || _rest.IsEmpty;

    protected override bool OnHasPosition() => true;

    protected override bool OnHasLength() => true;

    protected override bool OnRewind() => OnSeek(0);

    protected override IntPtr OnGetPosition() => (IntPtr)(_file.Length - _rest.Length);

    protected override IntPtr OnGetLength() => (IntPtr)_file.Length;

    protected override bool OnSeek(IntPtr position)
    {
        _rest = _file.Slice(Math.Clamp(position, 0, _file.Length));
        return true;
    }

    protected override bool OnMove(int offset) => OnSeek(OnGetPosition() + offset);

    protected override IntPtr OnCreateNew() => 0;
}
