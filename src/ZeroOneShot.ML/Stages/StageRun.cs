using Microsoft.Extensions.Logging;
using Microsoft.ML.Runtime;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML;

/// <summary>
/// The surroundings of one Fit: messages to the log of the MLContext, progress to the caller, cancellation by the caller's token or by the
/// MLContext, seed, device and checkpoint.
/// </summary>
internal sealed class StageRun : IDisposable, IProgress<RunProgress>
{
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_logInterval = TimeSpan.FromSeconds(30);

    // The first steps compile code, and are long.
    private const int StepsToPredictFrom = 5;

    private readonly IHost _host;
    private readonly StageOptions _options;
    private readonly CancellationTokenSource _cancellation;
    private readonly Timer _poll;
    private readonly HashSet<string> _told = [];            // layers of which the log has spoken
    private RunStage? _stage;
    private TimeSpan _logged;
    private int _steps;

    /// <param name="host">The estimator's host.</param>
    /// <param name="name">What the log says that runs.</param>
    /// <param name="options">The estimator's options.</param>
    public StageRun(IHost host, string name, StageOptions options)
    {
        (_host, _options) = (host, options);
        LoadingFolder.SweepOnce();
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(options.CancellationToken);
        Channel = host.Start(name);
        Log = new ChannelLogger(Channel, options.Logger);
        Poll();
        // ML.NET has no event for its cancellation.
        _poll = new Timer(_ => Poll(), null, s_pollInterval, s_pollInterval);
    }

    public IChannel Channel { get; }

    public ILogger Log { get; }

    public CancellationToken Cancellation => _cancellation.Token;

    /// <summary>The seed of the options, else that of the MLContext, else 0.</summary>
    public long Seed => _options.Seed ?? MLNetInternals.Seed(_host) ?? 0;

    /// <summary>Runs the stage. Where the caller's token cancels it, the exception bears that token.</summary>
    public T Do<T>(Func<T> stage)
    {
        try
        {
            Cancellation.ThrowIfCancellationRequested();
            return stage();
        }
        catch (OperationCanceledException e) when (_options.CancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, _options.CancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Report(RunProgress value)
    {
        _options.Progress?.Report(value);
        if (value.Warning is { } warning)
        {
            Log.Warned(warning);
            return;
        }
        // Every stage counts its own time from 0.
        if (_stage != value.Stage)
            (_stage, _logged, _steps) = (value.Stage, TimeSpan.Zero, 0);
        if (value.EndsEpoch)
            _options.MetricsCallback?.Invoke(value);
        if (++_steps == StepsToPredictFrom && value.RemainingText is { } remaining)
            Log.PredictedTime(value.Stage, remaining, _steps);
        if (!value.EndsEpoch && value.Elapsed - _logged < s_logInterval)
            return;
        _logged = value.Elapsed;
        Log.Progressed(value);
    }

    /// <summary>
    /// The device named in the options, else the GPU of the MLContext, else the processor. Where the MLContext allows it
    /// (<c>FallbackToCpu</c>), its GPU gives way to the processor if CUDA is not available.
    /// </summary>
    public string? Device()
    {
        var name = Named(_host, _options);
        if (name is null || name == _options.Device || !MLNetInternals.FallbackToCpu(_host))
            return name;
        try
        {
            TorchRuntime.ResolveDevice(name);
            return name;
        }
        catch (InvalidOperationException e)
        {
            Log.FellBackToProcessor(e.Message);
            return null;
        }
    }

    /// <summary>
    /// The settings with the evaluation that the search will take, which is said where something had to be measured for it.
    /// </summary>
    public SearchOptions Evaluated(SearchOptions settings, OperationMask mask, ImageShape shape, int classes)
    {
        var choice = EvaluationChoice.For(mask, settings, shape, classes);
        if (ProcessMemory.IsGpu(settings.Device))
            Log.Evaluates(choice.Evaluation, choice.Reason);
        return settings with { Evaluation = choice.Evaluation };
    }

    /// <summary>Says which layers of a network do not run in lanes, as all others do on the processor.</summary>
    public void TellLayersOutsideLanes(NetworkPlan network, IReadOnlyCollection<CandidateOperation> operations, string? device)
    {
        if (ProcessMemory.IsGpu(device))
            return;
        var names = network.LayersOutsideLanes(operations).Select(layer => layer.GetType().Name).Where(_told.Add).ToArray();
        if (names.Length > 0)
            Log.OutsideLanes(string.Join(", ", names));
    }

    /// <summary>The same of the network of a genotype, whose operations count.</summary>
    public void TellLayersOutsideLanes(NetworkPlan network, string? device)
    {
        var chosen = network.Items.OfType<CellItem>().SelectMany(cell => cell.Genotype!.Edges).Select(edge => edge.Operation).Distinct();
        TellLayersOutsideLanes(network, [.. chosen.Select(network.Space.Operation)], device);
    }

    /// <summary>Says what the network of a genotype costs beside its target.</summary>
    public void TellCost(Genotype genotype, CostTarget target, ImageShape shape, int classes, SearchSpace space)
    {
        var network = target.Network;
        var cost = target.Of(NetworkCost.Of(genotype, network, shape, classes, space));
        Log.FoundCost(network.Channels, network.Cells, target.InWords(cost), target.ToString());
        if (cost < CostTarget.LowestShare * target.Most)
            Log.FarBelowTarget();
    }

    /// <summary>Refuses a device that is not there and a checkpoint folder that cannot be written to.</summary>
    /// <exception cref="InvalidOperationException">There is no such device.</exception>
    /// <exception cref="IOException">The folder cannot be written to.</exception>
    public static void CheckPlaces(IHost host, StageOptions options)
    {
        if (options.CheckpointFolder is { } folder)
            AtomicFile.EnsureWritable(folder);
        if (Named(host, options) is { } name && (name == options.Device || !MLNetInternals.FallbackToCpu(host)))
            TorchRuntime.ResolveDevice(name);
    }

    /// <summary>Says that the temporary folder of the context will not do for saving.</summary>
    /// <param name="bytes">What will be saved; null while that is not known.</param>
    public void LookForPlaceToSave(long? bytes)
    {
        var folder = MLNetInternals.TemporaryFolder(_host);
        try
        {
            AtomicFile.EnsureWritable(folder);
            var free = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
            if (free < (bytes ?? 1))
                throw new IOException($"it has {Mebibytes(free):0} MiB left");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Log.NoPlaceToSave(folder, bytes is { } known ? $"the {Mebibytes(known):0} MiB that" : "what", e.Message);
        }

        static double Mebibytes(long bytes) => bytes / (double)(1 << 20);
    }

    private static string? Named(IHost host, StageOptions options) =>
        options.Device ?? (MLNetInternals.GpuDeviceId(host) is { } gpu ? $"cuda:{gpu}" : null);

    /// <summary>The checkpoint's file, once it is known that it can be written; null where none is wanted.</summary>
    public string? Checkpoint(RunStage stage)
    {
        if (_options.CheckpointFolder is not { } folder)
            return null;
        AtomicFile.EnsureWritable(folder);
        return Path.Combine(folder, $"{stage.ToString().ToLowerInvariant()}.safetensors");
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
