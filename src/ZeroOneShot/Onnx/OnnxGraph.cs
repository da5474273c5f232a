using System.Runtime.InteropServices;
using Google.Protobuf;
using TorchSharp;
using ZeroOneShot.Persistence;
using static ZeroOneShot.Onnx.TensorProto.Types;

namespace ZeroOneShot.Onnx;

/// <summary>
/// An ONNX graph under construction. Every method that adds something returns the name of the value it makes, which later ones take as
/// input. The same calls give the same names and the same bytes.
/// </summary>
/// <remarks>
/// <para>A layer of your own adds its operators with <see cref="Operator"/> and its weights with <see cref="Weight"/>. The operator set is
/// version 17 of ONNX; images are batch x channels x height x width.</para>
/// <para>Values are called after their scope and operator: <c>cells.3/ops.2/Conv</c>, and <c>cells.3/ops.2/Conv_1</c> for the second;
/// constants after the node they belong to, <c>cells.3/ops.2/Conv.weight</c>, or as the module whose they are calls them. This part holds
/// inputs, constants, outputs and the file; the operators are in the other.</para>
/// </remarks>
public sealed partial class OnnxGraph
{
    /// <summary>An empty graph. A network's is made by <see cref="Models.CellNetOnnx"/>; one of one's own serves to try a layer.</summary>
    public OnnxGraph()
    {
    }

    /// <summary>The dimension, in a shape, that is known only when the model runs. Its name in the file is <c>batch</c>.</summary>
    public const long Batch = -1;

    private const long IrVersion = 8;
    private const long OperatorSet = 17;
    private const string MachineLearningDomain = "ai.onnx.ml";
    private const long MachineLearningOperatorSet = 3; // the one that goes with 17

    private readonly GraphProto _graph = new();
    private readonly List<StringStringEntryProto> _metadata = [];
    private readonly HashSet<string> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _timesUsed = new(StringComparer.Ordinal);
    private readonly Dictionary<torch.Tensor, string> _ofModule = new(ReferenceEqualityComparer.Instance);
    private string _scope = "";
    private bool _usesMachineLearningDomain;

    /// <summary>Puts <c>name/</c> before the names of all that is added until the result is disposed. Scopes nest.</summary>
    internal IDisposable Scope(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var outer = _scope;
        _scope += name + "/";
        return new ScopeEnd(this, outer);
    }

    /// <summary>Calls the parameters and buffers of a module, where they become constants, as the module does.</summary>
    internal void UseNamesOf(torch.nn.Module module)
    {
        foreach (var (name, tensor) in ModuleWeights.Tensors(module))
            _ofModule.Add(tensor, name);
    }

    /// <summary>Declares an input of the model, of numbers in single precision.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its dimensions; <see cref="Batch"/> is one left open.</param>
    /// <returns>The name.</returns>
    public string Input(string name, params ReadOnlySpan<long> shape) => Input(name, DataType.Float, shape);

    /// <summary>Declares a value as an output of the model, of numbers in single precision.</summary>
    /// <param name="value">The name of a value: what earlier calls gave.</param>
    /// <param name="name">What the output is called.</param>
    /// <param name="shape">Its dimensions; <see cref="Batch"/> is one left open.</param>
    /// <returns>The name of the output.</returns>
    /// <exception cref="ArgumentException">The value is unknown.</exception>
    public string Output(string value, string name, params ReadOnlySpan<long> shape) => Output(value, name, DataType.Float, shape);

    /// <summary>Writes the model as it stands, with its checksum.</summary>
    /// <param name="stream">Where to.</param>
    /// <exception cref="InvalidOperationException">There is no output.</exception>
    public void Write(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Write(stream, "graph", nameof(ZeroOneShot), typeof(OnnxGraph).Assembly.GetName().Version!.ToString());
    }

    /// <summary>Declares an input of the model; <see cref="Batch"/> in the shape is a dimension left open.</summary>
    internal string Input(string name, DataType type, params ReadOnlySpan<long> shape)
    {
        Declare(name);
        _graph.Input.Add(Describe(name, type, shape));
        return name;
    }

    /// <summary>Declares <paramref name="value"/> as an output of the model called <paramref name="name"/>.</summary>
    internal string Output(string value, string name, DataType type, params ReadOnlySpan<long> shape)
    {
        Check(value);
        Declare(name);
        var node = new NodeProto { Name = name, OpType = "Identity" };
        node.Input.Add(value);
        node.Output.Add(name);
        _graph.Node.Add(node);
        _graph.Output.Add(Describe(name, type, shape));
        return name;
    }

    /// <summary>Adds an operator with one output.</summary>
    /// <param name="type">Its type, for example <c>HardSwish</c>.</param>
    /// <param name="inputs">The names of its inputs: what earlier calls gave.</param>
    /// <param name="attributes">Its attributes: <c>long</c>, <c>double</c> or <c>long[]</c> by name. Null: none.</param>
    /// <returns>The name of its output.</returns>
    /// <exception cref="ArgumentException">An input is unknown, or an attribute is of another type.</exception>
    public string Operator(string type, IReadOnlyList<string> inputs, IReadOnlyDictionary<string, object>? attributes = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(type);
        ArgumentNullException.ThrowIfNull(inputs);
        return Add(type, inputs, [.. (attributes ?? new Dictionary<string, object>()).Select(attribute => attribute.Value switch
        {
            long number => Int(attribute.Key, number),
            int number => Int(attribute.Key, number),
            double number => Float(attribute.Key, number),
            float number => Float(attribute.Key, number),
            long[] numbers => Ints(attribute.Key, numbers),
            _ => throw new ArgumentException(
                $"Attribute '{attribute.Key}' of {type} is a {attribute.Value?.GetType().Name ?? "null"}; " +
                "give a long, a double or a long[].",
                nameof(attributes)),
        })]);
    }

    /// <summary>
    /// Adds a parameter or a buffer of the network's as a constant. It keeps the name that it has in the network, by which trained weights
    /// are read from the model again.
    /// </summary>
    /// <param name="tensor">The parameter or buffer itself, or a tensor of your own.</param>
    /// <param name="role">What a tensor that is none of the network's is called, in the part of the model at hand.</param>
    /// <returns>The name of the constant.</returns>
    public string Weight(torch.Tensor tensor, string role)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return Belonging(NewName("Constant"), role, tensor);
    }

    /// <summary>A constant called <paramref name="name"/> in the current scope: a row-major copy of a tensor on any device.</summary>
    internal string Initializer(string name, torch.Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        return Constant(_scope + name, ElementType(tensor.dtype), tensor.shape, tensor.detach().cpu().contiguous().bytes);
    }

    /// <summary>A constant of these numbers; no shape means a scalar.</summary>
    internal string Initializer(string name, ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) =>
        Constant(_scope + name, DataType.Float, shape, MemoryMarshal.AsBytes(values));

    /// <summary>
    /// Names the slots of an output for ML.NET's OnnxTransformer, which makes its SlotNames annotation of the keys of a node that has
    /// exactly this name. The node is a label encoder over a constant: it needs no input of its own and nothing reads its result.
    /// </summary>
    internal void SlotNames(string output, IReadOnlyList<string> names)
    {
        if (_graph.Output.All(o => o.Name != output))
            throw new ArgumentException($"'{output}' is not an output of the graph; declare it with Output first.", nameof(output));
        var unused = new TensorProto { Name = $"mlnet.{output}.unusedInput", DataType = (int)DataType.String };
        unused.Dims.Add(1);
        unused.StringData.Add(ByteString.Empty);
        Declare(unused.Name);
        Declare($"mlnet.{output}.unusedOutput");
        _graph.Initializer.Add(unused);
        var node = new NodeProto { Name = $"mlnet.{output}.SlotNames", OpType = "LabelEncoder", Domain = MachineLearningDomain };
        node.Input.Add(unused.Name);
        node.Output.Add($"mlnet.{output}.unusedOutput");
        var keys = new AttributeProto { Name = "keys_strings", Type = AttributeProto.Types.AttributeType.Strings };
        keys.Strings.AddRange(names.Select(ByteString.CopyFromUtf8));
        node.Attribute.Add(keys);
        node.Attribute.Add(Ints("values_int64s", [.. Enumerable.Range(0, names.Count)]));
        _graph.Node.Add(node);
        _usesMachineLearningDomain = true;
    }

    /// <summary>A text that travels with the model; <see cref="OnnxMetadata"/> reads it back.</summary>
    internal void Metadata(string key, string value)
    {
        Checksum.ThrowIfOwned([key]);
        if (_metadata.Any(m => m.Key == key))
            throw new ArgumentException($"The metadata already have a value for '{key}'; keys must differ.", nameof(key));
        _metadata.Add(new() { Key = key, Value = value });
    }

    /// <summary>The model as it stands.</summary>
    internal ModelProto Build(string graphName, string producerName, string producerVersion)
    {
        if (_graph.Output.Count == 0)
            throw new InvalidOperationException("The graph has no output; declare at least one with Output.");
        var model = new ModelProto
        {
            IrVersion = IrVersion, ProducerName = producerName, ProducerVersion = producerVersion, Graph = _graph.Clone(),
        };
        model.Graph.Name = graphName;
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = OperatorSet });
        if (_usesMachineLearningDomain)
            model.OpsetImport.Add(new OperatorSetIdProto { Domain = MachineLearningDomain, Version = MachineLearningOperatorSet });
        model.MetadataProps.AddRange(_metadata.Select(m => m.Clone()));
        return model;
    }

    /// <summary>Writes the model as it stands, with its checksum.</summary>
    internal void Write(Stream stream, string graphName, string producerName, string producerVersion) =>
        OnnxFiles.Write(Build(graphName, producerName, producerVersion), stream);

    private string Constant(string name, DataType type, ReadOnlySpan<long> shape, ReadOnlySpan<byte> data)
    {
        Declare(name);
        var constant = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(data) };
        constant.Dims.AddRange(shape.ToArray());
        _graph.Initializer.Add(constant);
        return name;
    }

    private string Constant(string name, params ReadOnlySpan<long> values) =>
        Constant(name, DataType.Int64, [values.Length], MemoryMarshal.AsBytes(values));

    /// <summary>A name for the next node of this operator in the current scope, and for the value it makes.</summary>
    private string NewName(string operation)
    {
        string name;
        do
        {
            var times = _timesUsed[_scope + operation] = _timesUsed.GetValueOrDefault(_scope + operation, -1) + 1;
            name = times == 0 ? _scope + operation : $"{_scope}{operation}_{times}";
        }
        while (_values.Contains(name));
        return name;
    }

    private void Declare(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!_values.Add(name))
            throw new ArgumentException($"The graph already has a value '{name}'; choose another name or use a scope.", nameof(name));
    }

    private void Check(string value)
    {
        if (!_values.Contains(value))
            throw new ArgumentException($"The graph has no value '{value}'; pass a name returned by an earlier call.", nameof(value));
    }

    private static ValueInfoProto Describe(string name, DataType type, ReadOnlySpan<long> shape)
    {
        var dimensions = new TensorShapeProto();
        foreach (var length in shape)
            dimensions.Dim.Add(length == Batch ? new() { DimParam = "batch" } : new TensorShapeProto.Types.Dimension { DimValue = length });
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = dimensions };
        return new() { Name = name, Type = new() { TensorType = tensor } };
    }

    private static DataType ElementType(torch.ScalarType type) => type switch
    {
        torch.ScalarType.Float32 => DataType.Float,
        torch.ScalarType.Float64 => DataType.Double,
        torch.ScalarType.Int64 => DataType.Int64,
        torch.ScalarType.Int32 => DataType.Int32,
        torch.ScalarType.Byte => DataType.Uint8,
        torch.ScalarType.Bool => DataType.Bool,
        _ => throw new ArgumentException($"A constant of type {type} cannot be stored; convert it to Float32 or Int64.", nameof(type)),
    };

    private sealed class ScopeEnd(OnnxGraph graph, string outer) : IDisposable
    {
        public void Dispose() => graph._scope = outer;
    }
}
