using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// Holds what layers of somebody's own say of themselves against what their modules do, before anything is built of them. Those of this
/// library are held by its tests, so that libtorch is not loaded for them.
/// </summary>
internal static class LayerCheck
{
    /// <summary>Channels that most numbers of groups divide.</summary>
    public const int Channels = 48;

    private const int Images = 2;

    /// <summary>Runs the modules of foreign layers once on features of a size.</summary>
    /// <param name="layers">The layers, one after the other.</param>
    /// <param name="input">The size of their input.</param>
    /// <param name="channels">Channels of their output.</param>
    /// <param name="of">What the layers are of, for the message.</param>
    /// <param name="parameter">The name of the parameter that gave them.</param>
    /// <exception cref="ArgumentException">A layer says something else of itself; the message gives both.</exception>
    public static void Check(IReadOnlyList<Layer> layers, FeatureSize input, long channels, string of, string parameter)
    {
        foreach (var layer in layers)
        {
            var output = layer.Output(input, channels);
            if (layer.GetType().Assembly != typeof(Layer).Assembly)
            {
                foreach (var affine in (bool[])[false, true])
                {
                    if (Fault(layer, input, output, channels, affine) is { } fault)
                        throw new ArgumentException($"Layer {layer.GetType().Name} of {of}: {fault}", parameter);
                }
            }
            input = output;
        }
    }

    private static string? Fault(Layer layer, FeatureSize input, FeatureSize output, long channels, bool affine)
    {
        TorchRuntime.EnsureLoaded();
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var random = RandomStream.Of(0, "layer check");
        using var module = layer.Build((int)input.Channels, (int)channels, affine);
        var images = randn([Images, input.Channels, input.Height, input.Width], generator: random.Generator);
        Tensor first, second;
        try
        {
            (first, second) = (module.forward(images), module.forward(images));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return $"its module does not run on features of {input}: {e.Message.Split('\n')[0]}";
        }
        long[] expected = [Images, output.Channels, output.Height, output.Width];
        if (!first.shape.SequenceEqual(expected))
        {
            return $"its module makes {string.Join("x", first.shape.Skip(1))} of features of {input}, and {nameof(Layer.Output)} says " +
                $"{output}. Change one of them.";
        }
        var (has, says) = (module.parameters().Sum(weight => weight.numel()), layer.Cost(input, channels, affine).Parameters);
        if (has != says)
        {
            return $"its module has {has} parameters on {input} with affine {affine}, and {nameof(Layer.Cost)} says {says}. " +
                "Change one of them.";
        }
        if (!layer.IsRandom && !first.allclose(second))
        {
            return $"two runs of its module on the same features differ; override {nameof(Layer.IsRandom)}, and let the module be an " +
                $"{nameof(IRepeatable)}, so that a run can be repeated.";
        }
        return layer.IsRandom && !module.modules().Append(module).Any(part => part is IRepeatable)
            ? $"it is random, and its module is no {nameof(IRepeatable)}; a run that is repeated for its gradients would be another one."
            : null;
    }
}
