using System.Reflection;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Onnx;
using ZeroOneShot.SearchSpaces;
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

    /// <summary>Metadata key of the name of the search space. Absent in old files, whose networks are of DARTS.</summary>
    public const string SearchSpaceKey = CellNetWeights.SearchSpaceKey;

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
    /// <exception cref="ArgumentException">
    /// The number of channels or of classes is not the network's, or its stem does not take images of the size.
    /// </exception>
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
            graph, network, Normalize(graph, pixels, statistics, options.InputScale), shape);
        var scores = graph.Gemm(graph.Flatten(graph.GlobalAveragePool(features)), network.Classifier.weight!, network.Classifier.bias);
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

    private static string Features(OnnxGraph graph, CellNet network, string images, ImageShape shape)
    {
        var plan = NetworkPlan.Of(network.Space, network.Options, shape, network.Genotype);
        var features = new List<string>();
        foreach (var (item, module) in plan.Items.Zip(network.Items))
        {
            Value[] inputs = [.. item.Inputs.Zip(item.InputSizes, (input, inputSize) =>
                new Value(input == NetworkPlan.OfImages ? images : features[input], inputSize))];
            using (graph.Scope(item.Name))
            {
                features.Add(item switch
                {
                    CellItem cell => Cell(graph, network.Space, cell, (GenotypeCell)module, inputs),
                    BlockItem block => graph.Export(inputs[0].Name, inputs[0].Size, block.Layers,
                        (torch.nn.Module<torch.Tensor, torch.Tensor>)module, block.Channels),
                    _ => throw new NotSupportedException($"{item.Name} is no cell and no block."),
                });
            }
        }
        return features[^1];
    }

    private static string Cell(OnnxGraph graph, SearchSpace space, CellItem plan, GenotypeCell cell, Value[] inputs)
    {
        var genotype = cell.Genotype;
        var states = inputs.Select((x, input) =>
            Module($"preprocess{input}", x, plan.Preprocess[input], cell.Preprocess(input), plan.State)).ToList();
        for (var node = 0; node < genotype.Nodes; node++)
        {
            var (first, count) = genotype.EdgesInto(node).GetOffsetAndLength(genotype.Edges.Count);
            states.Add(Enumerable.Range(first, count).Select(Edge).Aggregate((a, b) => a with { Name = graph.Add(a.Name, b.Name) }));
        }
        return graph.Concat(1, [.. genotype.Concat.Select(state => states[state].Name)]);

        Value Edge(int edge) => Module($"ops.{edge}", states[genotype.Edges[edge].Input], plan.Layers(space, genotype.Edges[edge]),
            cell.Operation(edge), plan.Node);

        Value Module(
            string name, Value x, IReadOnlyList<Layer> layers, torch.nn.Module<torch.Tensor, torch.Tensor> module, FeatureSize output)
        {
            using (graph.Scope(name))
                return new Value(graph.Export(x.Name, x.Size, layers, module, plan.Channels), output);
        }
    }

    /// <summary>The name of features in the model, and their size.</summary>
    private readonly record struct Value(string Name, FeatureSize Size);
}
