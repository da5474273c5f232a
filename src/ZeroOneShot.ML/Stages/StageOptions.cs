using Microsoft.Extensions.Logging;
using Microsoft.ML;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML;

/// <summary>The settings that all three stages have.</summary>
/// <remarks>
/// A stage copies its options when it is made, and never changes them. A Fit that is cancelled, by <see cref="CancellationToken"/> or by
/// the MLContext (whose <c>CancelExecution</c> ML.NET 5.0.1 keeps to itself), throws <see cref="OperationCanceledException"/> within one
/// step, which at small sizes is well within two seconds. What had been reached by then is lost, unless there is a
/// <see cref="CheckpointFolder"/>: with one, the same Fit goes on from there.
/// </remarks>
public abstract class StageOptions
{
    internal StageOptions()
    {
    }

    /// <summary>The pixel column. Default <c>Features</c>.</summary>
    public string FeatureColumnName { get; set; } = "Features";

    /// <summary>The label column, a key. Rows without a value are skipped, with a warning. Default <c>Label</c>.</summary>
    public string LabelColumnName { get; set; } = "Label";

    /// <summary>What a column value is multiplied by to give a pixel value from 0 to 255. Default 1; 255 for values from 0 to 1.</summary>
    public float PixelScale { get; set; } = 1;

    /// <summary>
    /// Decides the result. Default null: the seed of the MLContext, or 0 where it has none. All 64 bits count; libtorch's generator, which
    /// draws weights, is begun from 32 bits of a hash of them (<see cref="RandomStream.Generator"/>).
    /// </summary>
    public long? Seed { get; set; }

    /// <summary>
    /// <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>. Default null: <see cref="MLContext.GpuDeviceId"/>, or the processor where it is null.
    /// Without CUDA a Fit on a GPU fails at once; if the MLContext chose the GPU and <see cref="MLContext.FallbackToCpu"/> is set, it runs
    /// on the processor with a warning.
    /// </summary>
    public string? Device { get; set; }

    /// <summary>
    /// A folder for the stage's checkpoint, <c>prune.safetensors</c>, <c>search.safetensors</c> or <c>train.safetensors</c>. It is written
    /// every 20 seconds, by search and training after every epoch too, and when the Fit is cancelled or its time is up. A later Fit with
    /// the same images and settings goes on from it, to the same result bit for bit; one with others is refused, so that every fold of a
    /// cross-validation would need a folder of its own. So is one while another runs. The checkpoint before stays in
    /// <c>search.previous.safetensors</c> and so on, from which a Fit goes on, with a warning, when the newest is damaged. Default null:
    /// nothing is written.
    /// </summary>
    public string? CheckpointFolder { get; set; }

    /// <summary>Told of every step. Default null.</summary>
    public IProgress<RunProgress>? Progress { get; set; }

    /// <summary>Told of every epoch's loss and accuracy, when it is over; in pruning of every round. Default null.</summary>
    public Action<RunProgress>? MetricsCallback { get; set; }

    /// <summary>Gets the messages that also go to <see cref="MLContext.Log"/>. Default null.</summary>
    public ILogger? Logger { get; set; }

    /// <summary>Stops a Fit within one step. Default none.</summary>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>A copy, once what all stages have is known to be good.</summary>
    /// <param name="seed">The seed in the settings of the stage, where it would not be used.</param>
    /// <param name="device">The device in the settings of the stage, where it would not be used.</param>
    private protected StageOptions CheckedCopy(long seed, string? device)
    {
        ArgumentException.ThrowIfNullOrEmpty(FeatureColumnName);
        ArgumentException.ThrowIfNullOrEmpty(LabelColumnName);
        if (seed != 0)
            throw new ArgumentException($"Settings.Seed is {seed}; set Seed of the options instead, which the settings take over.");
        if (device is not null)
            throw new ArgumentException($"Settings.Device is '{device}'; set Device of the options instead, which the settings take over.");
        return (StageOptions)MemberwiseClone();
    }
}
