using System.Runtime.CompilerServices;
using Microsoft.ML.OnnxRuntime;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Onnx;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.ML;

/// <summary>
/// Runs the ONNX form of layers of somebody's own beside their modules, before anything is trained: a saved model classifies by the one,
/// and was trained by the other. Those of this library are held by its tests.
/// </summary>
internal static class OnnxFormCheck
{
    private const int Images = 2, Side = 16;

    // Relative to the largest number: single precision on both sides.
    private const double Tolerance = 1e-3;

    private static readonly ConditionalWeakTable<SearchSpace, object> s_good = [];

    /// <summary>Checks all layers of a space, once.</summary>
    /// <exception cref="ArgumentException">
    /// A form cannot be run, or gives something else than the module; the message says which.
    /// </exception>
    public static void Check(SearchSpace space)
    {
        if (s_good.TryGetValue(space, out _))
            return;
        var size = new FeatureSize(LayerCheck.Channels, Side, Side);
        foreach (var (operation, stride) in from operation in space.Operations from stride in (int[])[1, 2] select (operation, stride))
            Check(operation.Layers(stride), size, LayerCheck.Channels, $"operation '{operation.Name}' with stride {stride}");
        foreach (var stem in space.Macro.Stems)
        {
            var images = new FeatureSize(3, stem.SmallestImage, stem.SmallestImage);
            foreach (var part in stem.Parts)
                images = Check(part, images, LayerCheck.Channels, $"stem '{stem.Name}'");
        }
        foreach (var item in space.Macro.Items(space.Macro.FewestCells))
            Check(item.Layers, size, LayerCheck.Channels * item.ChannelFactor, "a block between cells");
        Check(space.Macro.Head, size, LayerCheck.Channels, "the head");
        s_good.AddOrUpdate(space, space);
    }

    private static FeatureSize Check(IReadOnlyList<Layer> layers, FeatureSize input, long channels, string of)
    {
        foreach (var layer in layers)
        {
            var output = layer.Output(input, channels);
            // What is random gives something else every time.
            if (layer.IsForeign && !layer.IsRandom && Fault(layer, input, output, channels) is { } fault)
            {
                throw new ArgumentException($"Layer {layer.GetType().Name} of {of}: {fault} Change {nameof(Layer.Export)} or the module, " +
                    "so that a saved model gives what was trained.");
            }
            input = output;
        }
        return input;
    }

    private static string? Fault(Layer layer, FeatureSize input, FeatureSize output, long channels)
    {
        TorchRuntime.EnsureLoaded();
        SharedSession.EnsureLoaded();
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var random = RandomStream.Of(0, "ONNX form of a layer");
        using var module = layer.Build((int)input.Channels, (int)channels, affine: true);
        Initialization.Default(module, random);
        module.eval();
        var images = randn([Images, input.Channels, input.Height, input.Width], generator: random.Generator);
        var expected = module.forward(images);
        float[] found;
        try
        {
            found = Run(layer, input, output, module, images);
        }
        catch (Exception e) when (e is not (OutOfMemoryException or OperationCanceledException))     // what is not ours may throw any
        {
            return $"its ONNX form does not run on features of {input}: {e.Message.Split('\n')[0].TrimEnd('.')}.";
        }
        var (numbers, largest) = (expected.contiguous().data<float>().ToArray(), expected.abs().max().item<float>());
        if (found.Length != numbers.Length)
            return $"its ONNX form makes {found.Length} numbers of {Images} features of {input}, its module {numbers.Length}.";
        var deviation = numbers.Zip(found, Deviation).Max();
        return deviation <= Tolerance * Math.Max(largest, 1e-6) ? null : FormattableString.Invariant(
            $"on features of {input} its ONNX form gives numbers that differ by up to {deviation:G3} from those of its module, ") +
            FormattableString.Invariant($"of which the largest is {largest:G3}.");
    }

    // The maximum of floats passes over those that are none.
    private static float Deviation(float one, float other) =>
        one.Equals(other) ? 0 : Math.Abs(one - other) is var deviation && float.IsNaN(deviation) ? float.PositiveInfinity : deviation;

    private static float[] Run(Layer layer, FeatureSize input, FeatureSize output, nn.Module<Tensor, Tensor> module, Tensor images)
    {
        var graph = new OnnxGraph();
        var x = graph.Input("x", OnnxGraph.Batch, input.Channels, input.Height, input.Width);
        graph.Output(layer.Export(graph, x, input, module), "y", OnnxGraph.Batch, output.Channels, output.Height, output.Width);
        using var model = new MemoryStream();
        graph.Write(model);
        using var session = new InferenceSession(model.ToArray());
        using var run = new RunOptions();
        using var value = OrtValue.CreateTensorValueFromMemory(images.contiguous().data<float>().ToArray(), images.shape);
        using var results = session.Run(run, ["x"], [value], ["y"]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
