using Microsoft.ML.OnnxRuntime;

namespace ZeroOneShot.ML;

/// <summary>
/// An ONNX session that several cursors run. It is freed when its owner has disposed it and no cursor is left: to run one that is freed
/// would end the process.
/// </summary>
internal sealed class SharedSession(InferenceSession session) : IDisposable
{
    private readonly Lock _lock = new();
    private bool _disposed;

    // The owner is one of them.
    private int _users = 1;

    /// <summary>The sizes of an image: channels, height, width.</summary>
    public IReadOnlyList<int> ImageShape { get; } = session.InputMetadata.Values.Single().Dimensions[1..];

    /// <summary>The number of pixel values of an image.</summary>
    public int ImageSize { get; } = session.InputMetadata.Values.Single().Dimensions[1..].Aggregate(1, (size, length) => size * length);

    /// <summary>The session, until <see cref="Release"/>.</summary>
    /// <exception cref="ObjectDisposedException">The owner has disposed it.</exception>
    public InferenceSession Take()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(CellNetTransformer));
            _users++;
            return session;
        }
    }

    /// <summary>Says that the session is no longer run by one who took it.</summary>
    public void Release()
    {
        lock (_lock)
        {
            if (--_users > 0)
                return;
        }
        session.Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
        }
        Release();
    }
}
