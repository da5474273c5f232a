using System.Reflection;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Onnx;
using ZeroOneShot.Training;
using static ZeroOneShot.Onnx.TensorProto.Types;

namespace ZeroOneShot.Models;

/// <summary>
/// Writes an evaluation network as an ONNX model (opset 17) that takes pixel values and gives scores. Its weights keep their names, and the
/// metadata tell what else it takes to build the network again: <see cref="CellNetWeights.Read"/> does.
/// </summary>
public static class CellNetOnnx
{
    /// <summary>Metadata key of the genotype, in the literature's text form.</summary>
    public const string GenotypeKey = CellNetWeights.GenotypeKey;

    /// <summary>Metadata key of the class names, a JSON array in the order of the scores.</summary>
    public const string ClassNamesKey = CellNetWeights.ClassNamesKey;

    /// <summary>Writes a trained network. The normalisation is part of the model, the auxiliary head is not; any batch size runs.</summary>
    /// <param name="trained">The network and its normalisation.</param>
    /// <param name="stream">Where to; left open.</param>
    /// <param name="options">The model's form; null is the default.</param>
    public static void Write(TrainedCellNet trained, Stream stream, CellNetOnnxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(trained);
        Write(trained.Network, trained.Statistics, trained.Shape, trained.ClassNames, stream, options);
    }

    /// <summary>Writes a network.</summary>
    /// <param name="network">The network.</param>
    /// <param name="statistics">The normalisation that it was trained with.</param>
    /// <param name="shape">The shape of the images.</param>
    /// <param name="classNames">The names of the classes, in the order of the logits.</param>
    /// <param name="stream">Where to; left open.</param>
    /// <param name="options">The model's form; null is the default.</param>
    /// <exception cref="ArgumentException">The number of channels or of classes is not the network's.</exception>
    public static void Write(
        CellNet network, ChannelStatistics statistics, ImageShape shape, IReadOnlyList<string> classNames, Stream stream,
        CellNetOnnxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(statistics);
        ArgumentNullException.ThrowIfNull(classNames);
        ArgumentNullException.ThrowIfNull(stream);
        options ??= new CellNetOnnxOptions();
        if (classNames.Count != network.Classes)
        {
            throw new ArgumentException(
                $"There are {classNames.Count} class names for a network of {network.Classes} classes.", nameof(classNames));
        }
        if (shape.Channels != network.InputChannels)
        {
            throw new ArgumentException(
                $"The images are {shape}; the network takes {network.InputChannels} channel(s). Give the shape it was trained on.",
                nameof(shape));
        }
        if (statistics.Mean.Count != network.InputChannels)
        {
            throw new ArgumentException(
                $"The statistics are of {statistics.Mean.Count} channels; the network takes {network.InputChannels}. " +
                "Give those it was trained with.", nameof(statistics));
        }

        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        var graph = new OnnxGraph();
        graph.UseNamesOf(network);
        var type = options.ByteInput ? DataType.Uint8 : DataType.Float;
        var pixels = graph.Input(options.InputName, type, OnnxGraph.Batch, shape.Channels, shape.Height, shape.Width);
        if (options.ByteInput)
            pixels = graph.Cast(pixels, DataType.Float);
        var features = Features(
            graph, network, new OnnxImage(Normalize(graph, pixels, statistics, options.InputScale), shape.Height, shape.Width));
        var scores = graph.Gemm(graph.Flatten(graph.GlobalAveragePool(features.Name)), network.Classifier.weight!, network.Classifier.bias);
        if (options.Softmax)
            scores = graph.Softmax(scores);
        if (options.FlattenOutput)
            graph.Output(graph.Reshape(scores, network.Classes), options.OutputName, DataType.Float, network.Classes);
        else
            graph.Output(scores, options.OutputName, DataType.Float, OnnxGraph.Batch, network.Classes);

        foreach (var (key, value) in CellNetWeights.Describe(network, statistics, classNames).Concat(options.Metadata))
            graph.Metadata(key, value);
        var version = typeof(CellNetOnnx).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        graph.Write(stream, nameof(CellNet), nameof(ZeroOneShot), version);
    }

    /// <summary>(scale * pixel / 255 - mean) / std, as one multiplication and one subtraction per pixel.</summary>
    private static string Normalize(OnnxGraph graph, string pixels, ChannelStatistics statistics, float scale)
    {
        var channels = statistics.Mean.Count;
        var factor = statistics.Std.Select(std => (float)(scale / (255.0 * std))).ToArray();
        var offset = statistics.Mean.Select((mean, c) => (float)((double)mean / statistics.Std[c])).ToArray();
        return graph.Sub(
            graph.Mul(pixels, graph.Initializer("normalize/factor", factor, 1, channels, 1, 1)),
            graph.Initializer("normalize/offset", offset, 1, channels, 1, 1));
    }

    private static OnnxImage Features(OnnxGraph graph, CellNet network, OnnxImage image)
    {
        OnnxImage stem;
        using (graph.Scope("stem"))
            stem = graph.Add(image, network.Stem);
        var (beforePrevious, previous) = (stem, stem);
        for (var i = 0; i < network.Cells.Count; i++)
        {
            using (graph.Scope($"cells.{i}"))
                (beforePrevious, previous) = (previous, Cell(graph, network.Cells[i], beforePrevious, previous));
        }
        return previous;
    }

    private static OnnxImage Cell(OnnxGraph graph, GenotypeCell cell, OnnxImage beforePrevious, OnnxImage previous)
    {
        var states = new List<OnnxImage>
        {
            Module("preprocess0", beforePrevious, cell.FirstPreprocess),
            Module("preprocess1", previous, cell.SecondPreprocess),
        };
        for (var node = 0; node < cell.Plan.Genotype.Nodes; node++)
        {
            var (a, b) = (Edge(2 * node), Edge(2 * node + 1));
            states.Add(a with { Name = graph.Add(a.Name, b.Name) });
        }
        return states[^1] with { Name = graph.Concat(1, [.. cell.Plan.Genotype.Concat.Select(state => states[state].Name)]) };

        OnnxImage Edge(int edge) => Module($"ops.{edge}", states[cell.Plan.Genotype.Edges[edge].Input], cell.Operation(edge));

        OnnxImage Module(string name, OnnxImage x, torch.nn.Module<torch.Tensor, torch.Tensor> module)
        {
            using (graph.Scope(name))
                return graph.Add(x, module);
        }
    }
}
