using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Onnx;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Training;

/// <summary>
/// The weights of a trained network, in memory or in a file, with all that is needed to build it again:
/// <see cref="CellNetTraining.Continue"/> trains on from them. They never change.
/// </summary>
public sealed class CellNetWeights
{
    internal const string GenotypeKey = "genotype", ClassNamesKey = "class_names", SearchSpaceKey = "search_space",
        SpaceSignatureKey = "search_space_signature";

    private const string NetworkKey = "network", MeanKey = "mean", StdKey = "std", AuxiliaryHead = "auxiliary_head.";

    // The layers whose shape depends on the number of classes.
    private static readonly string[] s_classifiers = ["classifier.", AuxiliaryHead + "classifier."];

    // No network is that wide; with less, the number of its parameters does not overflow.
    private const long MostChannels = 1 << 22;

    private readonly List<StoredTensor> _tensors;

    private CellNetWeights(
        List<StoredTensor> tensors, IReadOnlyDictionary<string, string> metadata, SearchSpace? space, string where)
    {
        _tensors = tensors;
        Metadata = metadata;
        Text(GenotypeKey);
        Space = SpaceOf(metadata, space, where);
        try
        {
            Genotype = Genotype.Parse(Text(GenotypeKey));
            Network = Json<CellNetOptions>(NetworkKey);
            ClassNames = Json<string[]>(ClassNamesKey);
            Statistics = new ChannelStatistics(Json<float[]>(MeanKey), Json<float[]>(StdKey));
            CheckNetwork();
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
        {
            throw new InvalidDataException(
                $"What {where} says of its network cannot be read: {e.Message} Use the file as it was saved.", e);
        }

        string Text(string key) => metadata.TryGetValue(key, out var text)
            ? text
            : throw new InvalidDataException($"{where} does not hold the weights of a trained network: it says nothing of its {key}. " +
                $"Use a file that {nameof(CellNetWeights)}.{nameof(Save)} wrote, or a model of CellNetTrainer.");

        T Json<T>(string key) => JsonSerializer.Deserialize<T>(Text(key)) ?? throw new InvalidDataException($"{where} has an empty {key}.");
    }

    /// <summary>
    /// Refuses a network that takes more memory than its weights, whose shapes can be compared only when it has been built.
    /// </summary>
    private void CheckNetwork()
    {
        Network.Validate();
        var bytes = _tensors.Sum(tensor => tensor.Bytes.LongLength);
        // Every cell has a tensor, stem and classifier have numbers for each of their channels; so the rest can be counted.
        var stem = (long)Network.Channels * (Network.StemMultiplier ?? Space.Macro.StemOf(Network.Stem).Multiplier);
        if (Network.Cells > _tensors.Count || Math.Max(stem, Network.Channels) > Math.Min(bytes, MostChannels) || Parameters() > bytes)
        {
            throw new ArgumentException(
                $"It has {Network.Cells} cells of {Network.Channels} channels, more than {bytes} bytes of weights can make.");
        }
        if (_tensors.DistinctBy(tensor => tensor.Name, StringComparer.Ordinal).Count() < _tensors.Count)
            throw new ArgumentException("Two of its tensors have the same name.");
        if (ClassNames.Contains(null!))
            throw new ArgumentException("Its classes have no names.");
        if (ClassNames.Count < 2)
            throw new ArgumentException($"It tells {ClassNames.Count} classes apart; expected at least 2.");

        long Parameters()
        {
            Genotype.ThrowIfNotIn(Space);
            return NetworkCost.Of(NetworkPlan.Of(Space, Network, Statistics.Mean.Count, Genotype), Network, ClassNames.Count).Parameters;
        }
    }

    /// <summary>The space that the genotype is of.</summary>
    public SearchSpace Space { get; }

    /// <summary>The architecture.</summary>
    public Genotype Genotype { get; }

    /// <summary>The shape of the network.</summary>
    public CellNetOptions Network { get; }

    /// <summary>The names of the classes, in the order of the logits.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The normalisation that the network expects.</summary>
    public ChannelStatistics Statistics { get; }

    /// <summary>
    /// The shape of the images that the network was saved for; null in a file of weights, since the same weights take any size that their
    /// stem takes.
    /// </summary>
    public ImageShape? Shape { get; private init; }

    /// <summary>All texts kept with the weights.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Reads weights from a file.</summary>
    /// <param name="path">
    /// A safetensors file written by <see cref="Save"/>, an ML.NET model (<c>.zip</c>) or an ONNX model (<c>.onnx</c>) of a trained
    /// network. The models have all weights but those of the auxiliary head, which does not classify: it begins anew.
    /// </param>
    /// <param name="space">
    /// The search space that the network is of. Null: the one of <see cref="SearchSpace.All"/> that the file names.
    /// </param>
    /// <exception cref="FileNotFoundException">There is no such file, or it is a folder.</exception>
    /// <exception cref="ArgumentException">
    /// The network is of another search space, also of one by the same name that was made of something else, and the message gives both; or
    /// it is of one of your own, and none is given.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, was changed after it was written, or holds something else: its checksum is verified, and must be there.
    /// </exception>
    public static CellNetWeights Read(string path, SearchSpace? space = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return SafetensorsFile.Begins(path) ? ReadSafetensors(path, space) : ReadOnnx(path, space);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{e.Message} Expected a safetensors file that {nameof(CellNetWeights)}.{nameof(Save)} wrote, " +
                "or an ML.NET model (.zip) or an ONNX model (.onnx) of CellNetTrainer.", e);
        }
    }

    private static CellNetWeights ReadOnnx(string path, SearchSpace? space)
    {
        var model = OnnxFiles.Read(path);
        var tensors = StoredTensor.Of(model.Graph, model.Where).ToList();
        model.ThrowIfWithoutChecksum();
        return new CellNetWeights(tensors, model.Texts, space, model.Where) { Shape = ShapeOf(model.Graph) };
    }

    // Batch x channels x height x width; a batch may have a name in place of a number.
    private static ImageShape? ShapeOf(GraphProto graph) => graph.Input is [{ Type.TensorType.Shape.Dim: [_, var c, var h, var w] }]
        && (c.DimValue, h.DimValue, w.DimValue) is (1 or 3, > 0 and <= CellNet.LargestImage, > 0 and <= CellNet.LargestImage)
        ? new ImageShape((int)c.DimValue, (int)h.DimValue, (int)w.DimValue)
        : null;

    private static CellNetWeights ReadSafetensors(string path, SearchSpace? space)
    {
        var file = SafetensorsFile.Read(path);
        if (!file.HasChecksum)
            throw Checksum.Missing($"'{path}'");
        using var scope = NewDisposeScope();
        var tensors = file.Tensors.Keys.Select(name => StoredTensor.Of(name, file.Load(name)));
        return new CellNetWeights([.. tensors], file.Metadata, space, $"'{path}'");
    }

    /// <summary>Writes the weights to a safetensors file, whole or not at all.</summary>
    /// <param name="path">The file to write or replace.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        using var scope = NewDisposeScope();
        SafetensorsFile.Write(path, _tensors.Select(stored => (stored.Name, stored.ToTensor())), Metadata);
    }

    /// <summary>Builds the network, to use it, to measure it or to write it as ONNX.</summary>
    /// <param name="shape">The shape of the images; null is <see cref="Shape"/>.</param>
    /// <returns>The network with these weights, in evaluation mode; an auxiliary head that they lack has none that were trained.</returns>
    /// <exception cref="ArgumentException">No shape is given and none is known, or the network does not take it.</exception>
    /// <exception cref="InvalidDataException">A tensor is missing or of another shape or type.</exception>
    public TrainedCellNet Build(ImageShape? shape = null)
    {
        var images = shape ?? Shape ?? throw new ArgumentException(
            "The weights say nothing of the shape of the images; give it, for example new ImageShape(3, 32, 32).", nameof(shape));
        if (images.Channels != Statistics.Mean.Count)
        {
            throw new ArgumentException(
                $"The images are {images}; the network takes {Statistics.Mean.Count} channel(s). Give images of those.", nameof(shape));
        }
        var network = new CellNet(Genotype, Network, images.Channels, ClassNames.Count, Space);
        try
        {
            CopyTo(network, ClassNames);
            network.eval();
            return new TrainedCellNet(network, Statistics, images, ClassNames, []);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    internal static CellNetWeights Of(TrainedCellNet trained, IReadOnlyDictionary<string, string>? metadata)
    {
        var all = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>());
        Checksum.ThrowIfOwned(all.Keys);
        foreach (var (key, text) in Describe(trained.Network, trained.Statistics, trained.ClassNames))
            all.Add(key, text);
        using var scope = NewDisposeScope();
        var tensors = ModuleWeights.Tensors(trained.Network).Select(t => StoredTensor.Of(t.Name, t.Tensor));
        return new CellNetWeights([.. tensors], all, trained.Network.Space, "The network");
    }

    /// <summary>The texts that tell, with the weights, all about a network.</summary>
    internal static IEnumerable<KeyValuePair<string, string>> Describe(
        CellNet network, ChannelStatistics statistics, IReadOnlyList<string> classNames) =>
    [
        new(GenotypeKey, network.Genotype.ToString()),
        new(SearchSpaceKey, network.Space.Name),
        .. network.Space.Signature is { } signature ? [new(SpaceSignatureKey, signature)] : (KeyValuePair<string, string>[])[],
        new(NetworkKey, JsonSerializer.Serialize(network.Options)),
        new(ClassNamesKey, JsonSerializer.Serialize(classNames)),
        new(MeanKey, JsonSerializer.Serialize(statistics.Mean)),
        new(StdKey, JsonSerializer.Serialize(statistics.Std)),
    ];

    /// <summary>
    /// The search space of a network: the one given, or the one of the library that the file names. Where a file says nothing of it, as
    /// those of old, it is DARTS.
    /// </summary>
    /// <exception cref="ArgumentException">It is of another space than is given, or of one that must be given.</exception>
    internal static SearchSpace SpaceOf(IReadOnlyDictionary<string, string> metadata, SearchSpace? space, string where)
    {
        var name = metadata.GetValueOrDefault(SearchSpaceKey, SearchSpace.Darts.Name);
        space ??= SearchSpace.Find(name) ?? throw new ArgumentException(
            $"{where} holds a network of search space '{name}', which does not come with the library " +
            $"({string.Join(", ", SearchSpace.All.Select(known => known.Name))} do); give that space as an object.", nameof(space));
        return space.Difference(name, metadata.GetValueOrDefault(SpaceSignatureKey)) is not var (found, expected) ? space
            : throw new ArgumentException(
                $"{where} holds a network of search space {found}, and the space given is {expected}; give that space.", nameof(space));
    }

    /// <summary>Whether the network has an auxiliary head but the weights do not.</summary>
    internal bool LackAuxiliaryHead => Network.AuxiliaryHead && Space.Macro.HasAuxiliaryHead &&
        !_tensors.Any(tensor => tensor.Name.StartsWith(AuxiliaryHead, StringComparison.Ordinal));

    /// <summary>
    /// Fills a network of the same genotype and shape. One of other classes keeps the start values of its classifiers, and of an auxiliary
    /// head that the weights lack.
    /// </summary>
    /// <exception cref="InvalidDataException">A tensor is missing or of another shape or type.</exception>
    internal void CopyTo(CellNet network, IReadOnlyList<string> classNames)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var lackHead = LackAuxiliaryHead;
        var sameClasses = ClassNames.SequenceEqual(classNames);
        var stored = _tensors.ToDictionary(tensor => tensor.Name);
        foreach (var (name, tensor) in ModuleWeights.Tensors(network))
        {
            if (!sameClasses && s_classifiers.Any(head => name.StartsWith(head, StringComparison.Ordinal)))
                continue;
            if (lackHead && name.StartsWith(AuxiliaryHead, StringComparison.Ordinal))
                continue;
            if (!tensor.is_floating_point() && !stored.ContainsKey(name))
                continue;                                               // what noise is drawn by, which a model does not hold
            if (!stored.TryGetValue(name, out var value) || value.DType != tensor.dtype || !value.Shape.SequenceEqual(tensor.shape))
            {
                throw new InvalidDataException(
                    $"The weights have no '{name}' of shape [{string.Join(", ", tensor.shape)}], which a network " +
                    "of their genotype has; the file was changed after it was written. Use another.");
            }
            tensor.copy_(value.ToTensor());
        }
    }

    /// <summary>What tells these weights from any others.</summary>
    internal string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, _, _, bytes) in _tensors)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            hash.AppendData(bytes);
        }
        return $"{Genotype}, SHA-256 {Convert.ToHexString(hash.GetHashAndReset())}";
    }

    private sealed record StoredTensor(string Name, ScalarType DType, long[] Shape, byte[] Bytes)
    {
        public static StoredTensor Of(string name, Tensor tensor) =>
            new(name, tensor.dtype, tensor.shape, tensor.detach().cpu().contiguous().bytes.ToArray());

        /// <summary>What a module's parameters and buffers became in an ONNX model: the other constants have names with a slash.</summary>
        /// <exception cref="InvalidDataException">
        /// A tensor's values are in another file, or are more or fewer than its shape says.
        /// </exception>
        public static IEnumerable<StoredTensor> Of(GraphProto graph, string where)
        {
            foreach (var constant in graph.Initializer)
            {
                OnnxFiles.ThrowIfNotWhole(constant, where);
                if (constant.DataType != (int)TensorProto.Types.DataType.Float || constant.Name.Contains('/', StringComparison.Ordinal))
                    continue;
                yield return new StoredTensor(constant.Name, ScalarType.Float32, [.. constant.Dims], constant.RawData.ToByteArray());
            }
        }

        public Tensor ToTensor()
        {
            var tensor = empty(Shape, DType);
            Bytes.CopyTo(tensor.bytes);
            return tensor;
        }
    }
}
