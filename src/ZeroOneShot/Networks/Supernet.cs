using TorchSharp.Modules;
using ZeroOneShot.Layers;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// The search network: stem, cells whose edges hold all live operations, global pooling, linear classifier. Parameters have the names of
/// the public PyTorch code, for example <c>cells.3._ops.5._ops.4.op.1.weight</c>.
/// </summary>
/// <remarks>
/// <see cref="forward"/> under ordinary autograd is the definition of the method; the search computes the same gradients in less memory.
/// </remarks>
public sealed class Supernet : nn.Module<Tensor, Mixture, Tensor>
{
    private readonly nn.Module[] _items;
    private readonly Linear classifier;
    private bool? _runsInLanes;                             // asked for every network that is ranked

    /// <summary>Builds the live operations of a mask, weights yet to be drawn: see <see cref="Initialization"/>.</summary>
    /// <param name="mask">Which operations are built.</param>
    /// <param name="options">The network's shape.</param>
    /// <param name="inputChannels">Channels of the images: 1 or 3.</param>
    /// <param name="classes">Number of classes, at least 2.</param>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, or the mask leaves an edge no operation, or no genotype.
    /// </exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    public Supernet(OperationMask mask, SupernetOptions options, int inputChannels, int classes)
        : base(TorchRuntime.Loaded(nameof(Supernet)))
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputChannels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        options.Validate();
        mask.ThrowIfNoGenotype();
        Plan = NetworkPlan.Of(mask.Space, options, inputChannels);
        (Mask, Options, InputChannels) = (mask, options with { Stem = Plan.Stem.Name }, inputChannels);
        _items = [.. Plan.Items.Select(item => item switch
        {
            CellItem cell => new SearchCell(mask, cell, options.PartialChannels),
            BlockItem block => (nn.Module)block.Build(),
            _ => throw new NotSupportedException($"{item.Name} is no cell and no block."),
        })];
        classifier = nn.Linear(Plan.Output.Channels, classes);
        this.Register(Plan, _items);
        register_module(nameof(classifier), classifier);
    }

    /// <summary>Which operations exist.</summary>
    public OperationMask Mask { get; }

    /// <summary>The network's shape.</summary>
    public SupernetOptions Options { get; }

    /// <summary>The cells, from the stem to the classifier.</summary>
    internal IReadOnlyList<SearchCell> Cells => [.. _items.OfType<SearchCell>()];

    /// <summary>
    /// The names that masked operations would have, for example <c>cells.3._ops.5._ops.4</c>: what to ignore when weights come from a file
    /// of a larger network (see <see cref="Persistence.ModuleWeights.Load"/>).
    /// </summary>
    public IReadOnlyList<string> MaskedOperationNames
    {
        get
        {
            var names = Mask.Space.Macro.Names;
            var operations = names.Operations is null ? "" : names.Operations + ".";
            return
            [
                .. from cell in Plan.Items.OfType<CellItem>()
                   from edge in Enumerable.Range(0, Mask.Space.Topology.EdgeCount)
                   from row in Enumerable.Range(0, Mask.Space.Operations.Count)
                   where !Mask[cell.Kind, edge, row]
                   select $"{cell.Name}.{names.MixedEdges}.{SearchCell.EdgeName(Mask.Space, edge)}.{operations}{row}",
            ];
        }
    }

    /// <summary>Computes the logits.</summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <param name="mixture">The mixing weights; its live operations must exist in this network.</param>
    /// <returns>Logits, N x classes.</returns>
    public override Tensor forward(Tensor images, Mixture mixture)
    {
        using var scope = NewDisposeScope();
        var features = new List<Tensor>();
        images = MemoryLayout.ChannelsLast(images);
        for (var i = 0; i < _items.Length; i++)
        {
            Tensor[] inputs = [.. Plan.Items[i].Inputs.Select(input => input == NetworkPlan.OfImages ? images : features[input])];
            features.Add(_items[i] is SearchCell cell
                ? cell.call(inputs, mixture)
                : ((nn.Module<Tensor, Tensor>)_items[i]).call(inputs[0]));
        }
        return classifier.call(features[^1].mean([2, 3])).MoveToOuterDisposeScope();
    }

    /// <summary>Channels of the images.</summary>
    internal int InputChannels { get; }

    /// <summary>What the network computes one after the other.</summary>
    internal NetworkPlan Plan { get; }

    /// <summary>Whether all that its mask leaves has a form in lanes.</summary>
    internal bool RunsInLanes => _runsInLanes ??=
        Plan.LayersOutsideLanes([.. Mask.AllLive.Select(at => Mask.Space.Operations[at.Operation]).Distinct()]).Count == 0;

    /// <summary>The modules of the plan's items.</summary>
    internal IReadOnlyList<nn.Module> Items => _items;

    internal Linear Classifier => classifier;
}
