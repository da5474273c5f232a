using Microsoft.ML.Runtime;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML;

/// <summary>
/// The surroundings of one Fit: messages to the log of the MLContext, progress to the caller, and cancellation by the caller's token or by
/// the MLContext.
/// </summary>
internal sealed class StageRun : IDisposable, IProgress<RunProgress>
{
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_logInterval = TimeSpan.FromSeconds(30);

    private readonly IHost _host;
    private readonly IProgress<RunProgress>? _progress;
    private readonly CancellationTokenSource _cancellation;
    private readonly Timer _poll;
    private TimeSpan _logged;

    public StageRun(IHost host, string name, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        (_host, _progress) = (host, progress);
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Channel = host.Start(name);
        Poll();
        // ML.NET has no event for its cancellation.
        _poll = new Timer(_ => Poll(), null, s_pollInterval, s_pollInterval);
    }

    public IChannel Channel { get; }

    public CancellationToken Cancellation => _cancellation.Token;

    public void Info(string message) => Channel.Info(MessageSensitivity.Schema, "{0}", message);

    public void Report(RunProgress value)
    {
        _progress?.Report(value);
        if (!value.EndsEpoch && value.Elapsed - _logged < s_logInterval)
            return;
        _logged = value.Elapsed;
        Info(value.ToString());
    }

    /// <summary>
    /// The device named in the options, else the GPU of the MLContext, else the processor. Where the MLContext allows it
    /// (<c>FallbackToCpu</c>), its GPU gives way to the processor if CUDA is not available.
    /// </summary>
    public string? Device(string? device)
    {
        if (device is not null || MLNetInternals.GpuDeviceId(_host) is not { } gpu)
            return device;
        var name = $"cuda:{gpu}";
        if (!MLNetInternals.FallbackToCpu(_host))
            return name;
        try
        {
            TorchRuntime.ResolveDevice(name);
            return name;
        }
        catch (InvalidOperationException e)
        {
            Channel.Warning(MessageSensitivity.None, "{0}", $"Computing on the processor: {e.Message}");
            return null;
        }
    }

    public void Dispose()
    {
        _poll.Dispose();
        Channel.Dispose();
        // The last poll may still run.
        lock (_cancellation)
            _cancellation.Dispose();
    }

    private void Poll()
    {
        lock (_cancellation)
        {
            try
            {
                if (!_cancellation.IsCancellationRequested && MLNetInternals.IsCanceled(_host))
                    _cancellation.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The last poll came after the end of the run.
            }
        }
    }
}
