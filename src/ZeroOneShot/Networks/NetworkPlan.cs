using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Networks;

/// <summary>
/// The walk over a macro-architecture: what a network computes one after the other, from the images to the pooling, and the sizes of all
/// features. Building, counting, planning memory, evaluating in little memory and exporting a network all go along it.
/// </summary>
/// <param name="Space">The search space.</param>
/// <param name="Stem">The stem.</param>
/// <param name="Images">The size of the images.</param>
/// <param name="Items">Stem, cells and blocks, head.</param>
/// <param name="AuxiliaryItem">The number of the item behind which the auxiliary head stands; null where there is no place for one.</param>
internal sealed record NetworkPlan(
    SearchSpace Space, Stem Stem, FeatureSize Images, IReadOnlyList<PlanItem> Items, int? AuxiliaryItem)
{
    /// <summary>Where an item reads the images.</summary>
    public const int OfImages = -1;

    // Side of the images of a plan for all of them.
    private const int AnySide = 64;

    // Side of an image that halves often enough to tell how often it was.
    private const int Nominal = 1 << 12;

    /// <summary>What is pooled.</summary>
    public FeatureSize Output => Items[^1].Output;

    /// <summary>The last item that reads the output of an item; the number of items where the pooling does.</summary>
    public int LastUse(int item) => item == Items.Count - 1
        ? Items.Count
        : Enumerable.Range(item + 1, Items.Count - item - 1).Last(later => Items[later].Inputs.Contains(item));

    /// <summary>
    /// The layers of the network, with some operations in its cells, that have no form in lanes: they run in libtorch's order, more slowly
    /// and in more memory.
    /// </summary>
    public IReadOnlyList<Layer> LayersOutsideLanes(IReadOnlyCollection<CandidateOperation> operations) => [.. Items
        .SelectMany(item => item switch
        {
            BlockItem block => block.Layers,
            CellItem cell => cell.Preprocess.SelectMany(layers => layers).Concat(Space.Topology.Edges
                .Select(edge => cell.Stride(edge.From)).Distinct()
                .SelectMany(stride => operations.SelectMany(operation => operation.Layers(stride)))),
            _ => [],
        })
        .Where(layer => !layer.RunsInLanes).Distinct()];

    /// <summary>The plan of a search network, whose modules are the same whatever the size of the images.</summary>
    public static NetworkPlan Of(SearchSpace space, SupernetOptions options, int inputChannels) =>
        Of(space, options, space.Macro.StemOf(options.Stem), new FeatureSize(inputChannels, AnySide, AnySide));

    /// <summary>The plan of a search network for images of a size.</summary>
    /// <exception cref="ArgumentException">No stem takes them.</exception>
    public static NetworkPlan Of(SearchSpace space, SupernetOptions options, ImageShape shape) =>
        Of(space, options, space.Macro.StemFor(shape.Height, shape.Width, options.Stem), SizeOf(shape));

    private static NetworkPlan Of(SearchSpace space, SupernetOptions options, Stem stem, FeatureSize images) =>
        Of(space, stem, options.StemMultiplier, options.Channels, options.Cells, images, genotype: null, options.NormalizedOutput);

    /// <summary>The plan of an evaluation network, whose modules are the same whatever the size of the images.</summary>
    public static NetworkPlan Of(SearchSpace space, CellNetOptions options, int inputChannels, Genotype genotype) =>
        Of(space, options, space.Macro.StemOf(options.Stem), new FeatureSize(inputChannels, AnySide, AnySide), genotype);

    /// <summary>
    /// The plan of an evaluation network for images of a size; without a genotype, what all of them have in common.
    /// </summary>
    /// <exception cref="ArgumentException">No stem takes them.</exception>
    public static NetworkPlan Of(SearchSpace space, CellNetOptions options, ImageShape shape, Genotype? genotype) =>
        Of(space, options, space.Macro.StemFor(shape.Height, shape.Width, options.Stem), SizeOf(shape), genotype);

    private static NetworkPlan Of(SearchSpace space, CellNetOptions options, Stem stem, FeatureSize images, Genotype? genotype) =>
        Of(space, stem, options.StemMultiplier, options.Channels, options.Cells, images, genotype);

    private static FeatureSize SizeOf(ImageShape shape) => new(shape.Channels, shape.Height, shape.Width);

    private static NetworkPlan Of(
        SearchSpace space, Stem stem, int? stemMultiplier, int channels, int cells, FeatureSize images, Genotype? genotype,
        bool normalizedOutput = false)
    {
        var (macro, topology) = (space.Macro, space.Topology);
        var items = new List<PlanItem>();
        var nominal = new List<FeatureSize>();
        var stemChannels = (stemMultiplier ?? stem.Multiplier) * channels;
        foreach (var (part, layers) in stem.Parts.Index())
            AddBlock(stem.Parts.Count == 1 ? "stem" : $"stem{part}", layers, stemChannels);
        foreach (var (number, item) in space.Items(cells).Index())
        {
            channels *= item.ChannelFactor;
            if (item.Kind is { } kind)
                AddCell($"cells.{number}", kind);
            else
                AddBlock($"cells.{number}", item.Layers, channels);
        }
        var head = macro.Head.Count == 0 && normalizedOutput ? [new BatchNorm(), new Relu()] : macro.Head;
        if (head.Count > 0)
            AddBlock("lastact", head, items[^1].Output.Channels);
        return new NetworkPlan(space, stem, images, items, macro.AuxiliaryItem(cells) + stem.Parts.Count);

        void AddBlock(string name, IReadOnlyList<Layer> layers, long blockChannels)
        {
            var input = items.Count - 1;
            items.Add(new BlockItem(name, [input], [Size(input)], layers.Output(Size(input), blockChannels), layers, (int)blockChannels));
            nominal.Add(layers.Output(NominalSize(input), blockChannels));
        }

        void AddCell(string name, CellKind kind)
        {
            var previous = items.Count - 1;
            int[] inputs = topology.Inputs == 1 ? [previous] : [Math.Max(previous - 1, 0), previous];
            var preprocess = inputs.Select(input => Preprocess(name, input, previous)).ToArray();
            var state = Size(previous) with { Channels = channels };
            var node = state.Reduced(CellTopology.StrideOf(kind, isInput: true));
            var cell = genotype?.Cell(kind);
            var output = node with { Channels = (cell?.Concat.Count ?? topology.Output.Count) * channels };
            items.Add(new CellItem(name, inputs, [.. inputs.Select(Size)], output, kind, preprocess, state, node, cell));
            nominal.Add(NominalSize(previous).Reduced(CellTopology.StrideOf(kind, isInput: true)));
        }

        IReadOnlyList<Layer> Preprocess(string name, int input, int previous)
        {
            var halvings = Halvings(previous) - Halvings(input);
            if (!topology.Preprocesses && (halvings != 0 || Size(input).Channels != channels))
            {
                throw new ArgumentException(
                    $"Cell {name} of {channels} channels reads {Size(input)} as it is, " +
                    $"since search space '{space.Name}' has no preprocessing; " +
                    $"expected {channels} channels and the size of its last input. Give the topology a preprocessing, " +
                    "or the stem and the blocks those channels.");
            }
            return !topology.Preprocesses ? [] : halvings switch
            {
                0 => CandidateOperation.Preprocess,
                1 => CandidateOperation.ReducingPreprocess,
                _ => throw new ArgumentException(
                    $"The inputs of cell {name} of search space '{space.Name}' are {Size(input)} and {Size(previous)}; " +
                    "the first may be as large " +
                    "as the second or twice as large. Change the stem, or the sequence of cells."),
            };
        }

        FeatureSize Size(int item) => item == OfImages ? images : items[item].Output;

        FeatureSize NominalSize(int item) => item == OfImages ? images with { Height = Nominal, Width = Nominal } : nominal[item];

        int Halvings(int item) => (int)Math.Round(Math.Log2((double)Nominal / NominalSize(item).Height));
    }
}

/// <summary>A part of a network between two features.</summary>
/// <param name="Name">The name of its module.</param>
/// <param name="Inputs">The numbers of the items whose outputs it reads, or <see cref="NetworkPlan.OfImages"/>.</param>
/// <param name="InputSizes">The sizes of those.</param>
/// <param name="Output">The size of its output.</param>
internal abstract record PlanItem(string Name, IReadOnlyList<int> Inputs, IReadOnlyList<FeatureSize> InputSizes, FeatureSize Output);

/// <summary>A fixed list of layers, with one input.</summary>
/// <param name="Name">The name of its module.</param>
/// <param name="Inputs">The number of the item whose output it reads.</param>
/// <param name="InputSizes">The size of that.</param>
/// <param name="Output">The size of its output.</param>
/// <param name="Layers">The layers.</param>
/// <param name="Channels">The output channels of the layers.</param>
internal sealed record BlockItem(
    string Name, IReadOnlyList<int> Inputs, IReadOnlyList<FeatureSize> InputSizes, FeatureSize Output, IReadOnlyList<Layer> Layers,
    int Channels) : PlanItem(Name, Inputs, InputSizes, Output)
{
    /// <summary>
    /// The module, which learns scales and shifts. A single layer in the middle of a network is its own module; stems and heads are lists.
    /// </summary>
    public TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor> Build() =>
        Name.StartsWith("cells.", StringComparison.Ordinal) && Layers.Count == 1
            ? Layers[0].Build((int)InputSizes[0].Channels, Channels, affine: true)
            : LayerModules.Chain(Layers, (int)InputSizes[0].Channels, Channels, affine: true);
}

/// <summary>A cell.</summary>
/// <param name="Name">The name of its module.</param>
/// <param name="Inputs">The numbers of the items whose outputs it reads.</param>
/// <param name="InputSizes">The sizes of those.</param>
/// <param name="Output">The size of its output.</param>
/// <param name="Kind">Normal or reduction.</param>
/// <param name="Preprocess">The layers that bring each input to the cell's channels and size.</param>
/// <param name="State">The size of the inputs then.</param>
/// <param name="Node">The size of an intermediate node.</param>
/// <param name="Genotype">The cell's architecture; null in a search network.</param>
internal sealed record CellItem(
    string Name, IReadOnlyList<int> Inputs, IReadOnlyList<FeatureSize> InputSizes, FeatureSize Output, CellKind Kind,
    IReadOnlyList<IReadOnlyList<Layer>> Preprocess, FeatureSize State, FeatureSize Node, CellGenotype? Genotype)
    : PlanItem(Name, Inputs, InputSizes, Output)
{
    /// <summary>Channels of every state.</summary>
    public int Channels => (int)State.Channels;

    /// <summary>The stride of operations on a state.</summary>
    public int Stride(int state) => CellTopology.StrideOf(Kind, isInput: state < Inputs.Count);

    /// <summary>The size of a state.</summary>
    public FeatureSize Size(int state) => state < Inputs.Count ? State : Node;

    /// <summary>The layers of a chosen edge.</summary>
    public IReadOnlyList<Layer> Layers(SearchSpace space, GenotypeEdge edge) => space.Operation(edge.Operation).Layers(Stride(edge.Input));
}
