using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ZeroOneShot.Runtime;

/// <summary>
/// The launches of some work on a GPU, recorded and launched as one (a CUDA graph). TorchSharp 0.107.0 does not offer it; these are
/// libtorch's own functions, by the names that its Linux builds give them.
/// </summary>
/// <remarks>
/// What is recorded reads and writes the same memory each time: its tensors lie in memory of its own, which graphs that are launched one
/// after the other may share. It must not ask for numbers, nor bring any from the processor.
/// </remarks>
internal sealed unsafe class CudaGraph : RecordedWork
{
    // Of at::cuda::CUDAGraph, generously.
    private const int Size = 4096;

    private const int Relaxed = 2;                          // cudaStreamCaptureModeRelaxed: memory may be asked for meanwhile

    private static readonly Lazy<Functions?> s_functions = new(Functions.Find);

    private readonly nint _graph;
    private readonly Pair _stream;
    private bool _disposed;

    private CudaGraph(nint graph, Pair stream, IReadOnlyList<Tensor> results) => (_graph, _stream, Results) = (graph, stream, results);

    /// <summary>
    /// Whether work on a device can be recorded: on the first GPU, for TorchSharp does not let another one be the current one of a thread.
    /// </summary>
    public static bool Records(Device device) =>
        device.type == DeviceType.CUDA && device.index <= 0 && s_functions.Value is not null;

    /// <summary>Records work, without doing it.</summary>
    /// <param name="device">The GPU.</param>
    /// <param name="prepare">
    /// Work of the same kind, of any size, which is done first: libraries get ready for what cannot be recorded.
    /// </param>
    /// <param name="work">The work; returns its results, in no dispose scope.</param>
    /// <param name="neighbour">A graph to share memory with: each is launched only when the other's results are of no more use.</param>
    /// <returns>Null where it cannot be recorded.</returns>
    public static CudaGraph? Of(Device device, Action prepare, Func<IReadOnlyList<Tensor>> work, CudaGraph? neighbour)
    {
        var functions = s_functions.Value!;
        var before = functions.CurrentStream((sbyte)device.index);
        // What lies free in the memory of a stream is free for that stream alone.
        var stream = neighbour?._stream ?? functions.StreamFromPool(0, (sbyte)device.index);
        cuda.synchronize(device);
        functions.SetCurrentStream(stream);
        nint graph;
        IReadOnlyList<Tensor> results;
        try
        {
            prepare();
            cuda.synchronize(device);
            graph = (nint)NativeMemory.AllocZeroed(Size);
            functions.Construct(graph, 0);
            functions.Begin(graph, neighbour is null ? default : functions.Pool(neighbour._graph), Relaxed);
            try
            {
                results = work();
            }
            catch (Exception e)
            {
                // libtorch's own end would end the process; the graph's object is left behind.
                functions.Abandon(stream);
                if (e is ExternalException failure && !OutOfMemory.Is(failure))
                    return null;
                throw;
            }
            if (!functions.IsRecording(stream))
            {
                functions.Abandon(stream);
                foreach (var result in results)
                    result.Dispose();
                return null;
            }
            functions.End(graph);
        }
        finally
        {
            functions.SetCurrentStream(before);
        }
        return new CudaGraph(graph, stream, results);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Results { get; }

    /// <inheritdoc/>
    public override void Repeat()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        s_functions.Value!.Replay(_graph);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        foreach (var result in Results)
            result.Dispose();
        s_functions.Value!.Destroy(_graph);
        NativeMemory.Free((void*)_graph);
    }

    /// <summary>Two registers' worth: a stream, or the number of a pool of memory.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Pair
    {
        private readonly long _first, _second;
    }

    private sealed class Functions
    {
        private nint _construct, _destroy, _begin, _end, _replay, _pool;
        private nint _streamFromPool, _current, _setCurrent, _handle, _isCapturing, _endCapture, _lastError;

        public static Functions? Find()
        {
            if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
                return null;
            var found = true;
            nint torch = Library(name => name == "libtorch_cuda.so"), c10 = Library(name => name == "libc10_cuda.so"),
                runtime = Library(name => name.StartsWith("libcudart", StringComparison.Ordinal));
            if (torch == 0 || c10 == 0 || runtime == 0)
                return null;
            var functions = new Functions
            {
                _construct = Of(torch, "_ZN2at4cuda9CUDAGraphC1Eb"),
                _destroy = Of(torch, "_ZN2at4cuda9CUDAGraphD1Ev"),
                _begin = Of(torch, "_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode"),
                _end = Of(torch, "_ZN2at4cuda9CUDAGraph11capture_endEv"),
                _replay = Of(torch, "_ZN2at4cuda9CUDAGraph6replayEv"),
                _pool = Of(torch, "_ZN2at4cuda9CUDAGraph4poolEv"),
                _streamFromPool = Of(c10, "_ZN3c104cuda17getStreamFromPoolEba"),
                _current = Of(c10, "_ZN3c104cuda20getCurrentCUDAStreamEa"),
                _setCurrent = Of(c10, "_ZN3c104cuda20setCurrentCUDAStreamENS0_10CUDAStreamE"),
                _handle = Of(c10, "_ZNK3c104cuda10CUDAStream6streamEv"),
                _isCapturing = Of(runtime, "cudaStreamIsCapturing"),
                _endCapture = Of(runtime, "cudaStreamEndCapture"),
                _lastError = Of(runtime, "cudaGetLastError"),
            };
            return found ? functions : null;

            nint Of(nint library, string name)
            {
                var isThere = NativeLibrary.TryGetExport(library, name, out var function);
                found &= isThere;
                return function;
            }

            static nint Library(Predicate<string> isName) =>
                ProcessMaps.FileOf(isName) is { } file && NativeLibrary.TryLoad(file, out var library) ? library : 0;
        }

        public void Construct(nint graph, byte keeps) => ((delegate* unmanaged<nint, byte, void>)_construct)(graph, keeps);

        public void Destroy(nint graph) => ((delegate* unmanaged<nint, void>)_destroy)(graph);

        public void Begin(nint graph, Pair pool, int mode) => ((delegate* unmanaged<nint, Pair, int, void>)_begin)(graph, pool, mode);

        public void End(nint graph) => ((delegate* unmanaged<nint, void>)_end)(graph);

        public void Replay(nint graph) => ((delegate* unmanaged<nint, void>)_replay)(graph);

        public Pair Pool(nint graph) => ((delegate* unmanaged<nint, Pair>)_pool)(graph);

        public Pair StreamFromPool(byte highPriority, sbyte device) =>
            ((delegate* unmanaged<byte, sbyte, Pair>)_streamFromPool)(highPriority, device);

        public Pair CurrentStream(sbyte device) => ((delegate* unmanaged<sbyte, Pair>)_current)(device);

        public void SetCurrentStream(Pair stream) => ((delegate* unmanaged<Pair, void>)_setCurrent)(stream);

        /// <summary>Whether all that was launched on a stream is being recorded, and nothing was that cannot be.</summary>
        public bool IsRecording(Pair stream)
        {
            const int active = 1;                           // cudaStreamCaptureStatusActive
            int status;
            return ((delegate* unmanaged<nint, int*, int>)_isCapturing)(Handle(stream), &status) == 0 && status == active;
        }

        /// <summary>
        /// Ends a recording that has failed. What libtorch put aside for it stays so until the process ends, which is why nothing is
        /// recorded that memory may not suffice for.
        /// </summary>
        public void Abandon(Pair stream)
        {
            nint graph;
            _ = ((delegate* unmanaged<nint, nint*, int>)_endCapture)(Handle(stream), &graph);
            _ = ((delegate* unmanaged<int>)_lastError)();       // which the next launch would take for its own
        }

        // CUDA's own name of a stream.
        private nint Handle(Pair stream) => ((delegate* unmanaged<Pair*, nint>)_handle)(&stream);
    }
}
