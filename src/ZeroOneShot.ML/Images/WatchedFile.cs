using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using SkiaSharp;

namespace ZeroOneShot.ML;

/// <summary>
/// The content of a file for Skia, which cannot be told to stop: once the time is up the file ends, and with it the decoding. Skia owns it.
/// </summary>
internal sealed unsafe class WatchedFile : SKAbstractManagedStream
{
    // A few bytes of a JPEG can ask for a pass over the whole picture: it is handed out in small parts. Decoders of other formats take
    // what they ask for or nothing.
    private const int Parts = 256, SmallestPart = 64;

    private readonly ReadOnlySequence<byte> _file;
    private readonly TimeSpan? _most;
    private readonly CancellationToken _cancellationToken;
    private readonly long _part;
    private readonly long _start = Stopwatch.GetTimestamp();
    private ReadOnlySequence<byte> _rest;
    private bool _timeIsUp;

    /// <param name="file">The content; must stay as it is while Skia reads.</param>
    /// <param name="most">The time; null: no limit.</param>
    /// <param name="cancellationToken">Ends the file too.</param>
    public WatchedFile(ReadOnlySequence<byte> file, TimeSpan? most, CancellationToken cancellationToken)
    {
        (_file, _rest, _most, _cancellationToken) = (file, file, most, cancellationToken);
        var isJpeg = file.Length >= 2 && file.Slice(0, 2).ToArray() is [0xFF, 0xD8];
        _part = isJpeg && (most is not null || cancellationToken.CanBeCanceled)
            ? Math.Max(file.Length / Parts, SmallestPart)
            : long.MaxValue;
    }

    /// <exception cref="OperationCanceledException">The file ended before its end because it was cancelled.</exception>
    /// <exception cref="ImageFaultException">It ended because the time was up.</exception>
    public void ThrowIfTimeIsUp(string name)
    {
        if (!_timeIsUp)
            return;
        _cancellationToken.ThrowIfCancellationRequested();
        throw new ImageFaultException(ImageFault.TooSlow, string.Create(CultureInfo.InvariantCulture,
            $"{name} took more than {_most?.TotalSeconds} s to decode. Make it smaller first."));
    }

    protected override IntPtr OnRead(IntPtr buffer, IntPtr size)
    {
        if (_timeIsUp |= _cancellationToken.IsCancellationRequested || Stopwatch.GetElapsedTime(_start) > _most)
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

    protected override bool OnIsAtEnd() => _timeIsUp || _rest.IsEmpty;

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
