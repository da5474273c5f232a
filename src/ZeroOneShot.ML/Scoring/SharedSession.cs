using Microsoft.ML.OnnxRuntime;

namespace ZeroOneShot.ML;

/// <summary>
/// An ONNX model out of memory that several cursors run: its session, made when the first of them asks for it. It is freed when its owner
/// has disposed it and nobody uses it any more: to run one that is freed would end the process.
/// </summary>
/// <param name="model">A model with one input, any number of rows x <paramref name="rowShape"/>, and one output of numbers.</param>
/// <param name="rowShape">The shape of a row.</param>
/// <param name="owner">Whose it is, in an error's words.</param>
internal sealed class SharedSession(byte[] model, IReadOnlyList<int> rowShape, Type owner) : IDisposable
{
    private readonly Lock _lock = new();
    private InferenceSession? _session;
    private bool _disposed;

    // The owner is one of them.
    private int _users = 1;

    /// <summary>The number of values of a row.</summary>
    public int RowSize { get; } = rowShape.Aggregate(1, (size, length) => size * length);

    /// <summary>Loads the native library that all sessions need.</summary>
    /// <exception cref="InvalidOperationException">It is not there.</exception>
    public static void EnsureLoaded()
    {
        try
        {
            using var options = new SessionOptions();
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or EntryPointNotFoundException)
        {
            throw new InvalidOperationException($"ONNX Runtime, which scores the trained network, cannot be loaded: " +
                $"{e.GetBaseException().Message} Add the package Microsoft.ML.OnnxRuntime to the application.", e);
        }
    }

    /// <summary>The session, until <see cref="Release"/>.</summary>
    /// <exception cref="ObjectDisposedException">The owner has disposed it.</exception>
    public InferenceSession Take()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, owner);
            if (_session is null)
            {
                // One thread a batch, and as many batches at a time as there are processors, is faster than all threads on one batch.
                using var options = new SessionOptions { IntraOpNumThreads = 1 };
                _session = new InferenceSession(model, options);
            }
            _users++;
            return _session;
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
        _session?.Dispose();
    }

    /// <summary>The output for some rows.</summary>
    /// <param name="session">What <see cref="Take"/> gave.</param>
    /// <param name="values">The rows, one after the other.</param>
    /// <param name="rows">How many.</param>
    public float[] Compute<T>(InferenceSession session, T[] values, int rows)
        where T : unmanaged
    {
        using var run = new RunOptions();
        using var input = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance,
            values.AsMemory(0, RowSize * rows), [rows, .. rowShape.Select(length => (long)length)]);
        using var outputs = session.Run(run, session.InputNames, [input], session.OutputNames);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
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
