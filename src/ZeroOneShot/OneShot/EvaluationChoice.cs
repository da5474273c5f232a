using System.Globalization;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>How a search evaluates its supernet, and why.</summary>
/// <param name="Evaluation">Lean or plain.</param>
/// <param name="Reason">A sentence.</param>
internal sealed record EvaluationChoice(SupernetEvaluation Evaluation, string Reason)
{
    // The first chooses algorithms and makes the optimizers' states.
    private const int WarmUp = 1, Steps = 3;

    /// <summary>The choice for a search: what it asks for, or on a GPU what takes less time.</summary>
    public static EvaluationChoice For(OperationMask mask, SearchOptions options, ImageShape shape, int classes)
    {
        options = options with { Supernet = options.Supernet.WithStem(mask.Space, shape) };
        return For(options, evaluation =>
        {
            try
            {
                return SecondsOfStep(mask, options with { Evaluation = evaluation }, shape, classes);
            }
            finally
            {
                // Plain autograd takes many times what a lean search will: libtorch would keep it to the end.
                OutOfMemory.ReleaseCache(TorchRuntime.ResolveDevice(options.Device));
            }
        });
    }

    /// <summary>The same, with a measurement of one's own.</summary>
    /// <param name="options">The settings of the search.</param>
    /// <param name="seconds">
    /// Seconds of a step; throws <see cref="InsufficientMemoryException"/> where memory does not suffice for it.
    /// </param>
    public static EvaluationChoice For(SearchOptions options, Func<SupernetEvaluation, double> seconds)
    {
        if (options.Evaluation != SupernetEvaluation.Automatic)
            return new(options.Evaluation, "It was asked for.");
        if (!ProcessMemory.IsGpu(options.Device))
            return Lean("On the processor it takes less time and less memory.");
        if (options.BFloat16Activations || options.MaxMemory is not null)
            return Lean($"{(options.MaxMemory is null ? "BFloat16Activations are" : "MaxMemory is")} kept to by it alone.");
        var lean = seconds(SupernetEvaluation.Lean);
        double plain;
        try
        {
            plain = seconds(SupernetEvaluation.Plain);
        }
        catch (InsufficientMemoryException)
        {
            return Lean(string.Create(CultureInfo.InvariantCulture,
                $"A step takes {lean:0.000} s; for plain autograd the memory does not suffice."));
        }
        return new(plain < lean ? SupernetEvaluation.Plain : SupernetEvaluation.Lean, string.Create(CultureInfo.InvariantCulture,
            $"A step takes {lean:0.000} s lean and {plain:0.000} s by plain autograd."));

        static EvaluationChoice Lean(string reason) => new(SupernetEvaluation.Lean, reason);
    }

    /// <summary>Seconds of an architecture and a weights step on images of noise, with a network that is thrown away.</summary>
    internal static double SecondsOfStep(OperationMask mask, SearchOptions options, ImageShape shape, int classes)
    {
        var device = TorchRuntime.ResolveDevice(options.Device);
        using var supernet = new Supernet(mask, options.Supernet, shape.Channels, classes);
        using var architecture = new ArchitectureParameters(mask, options.Supernet.EdgeNormalization, device: device);
        using var random = RandomStream.Of(options.Seed, "search: trial of evaluations");
        Initialization.Default(supernet, random);
        architecture.Initialize(random, options.Relaxation.InitialScale);
        supernet.to(device);
        using var step = new BilevelStep(supernet, architecture, options);
        using var scope = NewDisposeScope();
        var images = randn([options.BatchSize, shape.Channels, shape.Height, shape.Width], generator: random.Generator).to(device);
        var labels = randint(classes, options.BatchSize, generator: random.Generator).to(device);
        var start = 0L;
        for (var i = 0; i < WarmUp + Steps; i++)
        {
            if (i == WarmUp)
                start = options.Time.GetTimestamp();
            var moment = new SearchMoment(Epoch: 0, Epochs: 1, Step: i);
            // Both end by reading their loss, and so when the device has done them.
            step.ArchitectureStep(images, labels, moment);
            step.WeightsStep(images, labels, moment);
        }
        return options.Time.GetElapsedTime(start).TotalSeconds / Steps;
    }
}
