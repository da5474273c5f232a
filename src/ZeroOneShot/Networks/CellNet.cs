using TorchSharp.Modules;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// The evaluation network of a genotype: stem, cells, global average pooling, linear classifier (DARTS, section 3.2 and its public code).
/// Images of the sizes that its stem takes, in DARTS 16 to 256 pixels a side, square or not; 1 or 3 input channels. Parameters have the
/// names of the public PyTorch code.
/// </summary>
public sealed class CellNet : nn.Module<Tensor, Tensor>
{
    /// <summary>The smallest and largest side of an image, in pixels.</summary>
    public const int SmallestImage = Stem.SmallestSide, LargestImage = Stem.LargestSide;

    private readonly nn.Module[] _items;
    private readonly AuxiliaryHead? auxiliary_head;
    private readonly Linear classifier;
    private bool? _runsInLanes;                             // asked for every batch

    /// <summary>Builds a network, weights yet to be drawn: see <see cref="Initialization"/>.</summary>
    /// <param name="genotype">The architecture.</param>
    /// <param name="options">The network's shape.</param>
    /// <param name="inputChannels">Channels of the images: 1 or 3.</param>
    /// <param name="classes">Number of classes, at least 2.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <exception cref="ArgumentException">An option is out of its range, or the genotype names an unknown operation.</exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    public CellNet(Genotype genotype, CellNetOptions options, int inputChannels, int classes, SearchSpace? space = null)
        : base(TorchRuntime.Loaded(nameof(CellNet)))
    {
        ArgumentNullException.ThrowIfNull(genotype);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputChannels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        options.Validate();
        space ??= SearchSpace.Darts;
        genotype.ThrowIfNotIn(space);
        Plan = NetworkPlan.Of(space, options, inputChannels, genotype);
        // By its name, so that saved weights say which stem is theirs.
        options = options with { Stem = Plan.Stem.Name };
        (Genotype, Options, InputChannels, Classes, Space) = (genotype, options, inputChannels, classes, space);

        // Modules are the same whatever the size of the images.
        _items = [.. Plan.Items.Select(item => item switch
        {
            CellItem cell => new GenotypeCell(cell, space, options.AffineOperations),
            BlockItem block => (nn.Module)block.Build(),
            _ => throw new NotSupportedException($"{item.Name} is no cell and no block."),
        })];
        if (options.AuxiliaryHead && Plan.AuxiliaryItem is { } at)
            auxiliary_head = new AuxiliaryHead((int)Plan.Items[at].Output.Channels, classes, Plan.Stem.AuxiliaryBatchNorm);
        classifier = nn.Linear(Plan.Output.Channels, classes);
        this.Register(Plan, _items, afterCells: () =>
        {
            if (auxiliary_head is not null)
                register_module(nameof(auxiliary_head), auxiliary_head);
        });
        register_module(nameof(classifier), classifier);
    }

    /// <summary>The architecture.</summary>
    public Genotype Genotype { get; }

    /// <summary>The network's shape.</summary>
    public CellNetOptions Options { get; }

    /// <summary>Channels of the images.</summary>
    public int InputChannels { get; }

    /// <summary>Number of classes.</summary>
    public int Classes { get; }

    internal SearchSpace Space { get; }

    /// <summary>What the network computes one after the other.</summary>
    internal NetworkPlan Plan { get; }

    /// <summary>Whether all its layers have a form in lanes.</summary>
    internal bool RunsInLanes => _runsInLanes ??= Plan.LayersOutsideLanes(
        [.. Space.Kinds.SelectMany(kind => Genotype.Cell(kind).Edges).Select(edge => edge.Operation).Distinct().Select(Space.Operation)])
        .Count == 0;

    /// <summary>The modules of the plan's items.</summary>
    internal IReadOnlyList<nn.Module> Items => _items;

    internal Linear Classifier => classifier;

    internal AuxiliaryHead? AuxiliaryHead => auxiliary_head;

    /// <summary>Computes the logits.</summary>
    /// <remarks>
    /// Without gradients (<c>no_grad</c>) and from 8 images on, 4 in double precision, kernels of this library compute on the processor.
    /// They run no hooks of the modules within the network: for those, let gradients be recorded, or classify fewer images at a time. Hooks
    /// of the network itself run always.
    /// </remarks>
    /// <param name="images">Normalised images, N x C x H x W, of the type and on the device of the weights.</param>
    /// <returns>Logits, N x classes.</returns>
    /// <exception cref="ArgumentException">
    /// The images have another number of channels or another type, or lie on another device; where libtorch computes, it says so itself.
    /// </exception>
    public override Tensor forward(Tensor images) => Classification.InLanes is { } inLanes && !is_grad_enabled() && Lanes.AreWorthIt(images)
        ? (Tensor)inLanes(this, images)
        : Forward(images, auxiliary: false).Logits;

    /// <summary>Computes the logits of both classifiers, as training needs them.</summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <param name="dropPath">Probability with which an operation's output is dropped for an image, 0 to below 1.</param>
    /// <param name="random">Where the dropping is drawn from; needed when <paramref name="dropPath"/> is above 0.</param>
    /// <returns>Logits, N x classes; those of the auxiliary head are null where there is none.</returns>
    public (Tensor Logits, Tensor? Auxiliary) ForwardWithAuxiliary(Tensor images, double dropPath = 0, RandomStream? random = null)
    {
        if (dropPath is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(dropPath), dropPath, "The drop path probability is at least 0 and below 1.");
        if (dropPath > 0)
            ArgumentNullException.ThrowIfNull(random);
        return Forward(images, auxiliary: true, dropPath > 0 ? new DropPath(dropPath, random!.Generator) : null);
    }

    private (Tensor Logits, Tensor? Auxiliary) Forward(Tensor images, bool auxiliary, DropPath? dropPath = null)
    {
        using var scope = NewDisposeScope();
        var features = new List<Tensor>();
        images = MemoryLayout.ChannelsLast(images);
        Tensor? auxiliaryLogits = null;
        for (var i = 0; i < _items.Length; i++)
        {
            Tensor[] inputs = [.. Plan.Items[i].Inputs.Select(input => input == NetworkPlan.OfImages ? images : features[input])];
            features.Add(_items[i] is GenotypeCell cell
                ? cell.call(inputs, dropPath)
                : ((nn.Module<Tensor, Tensor>)_items[i]).call(inputs[0]));
            if (auxiliary && i == Plan.AuxiliaryItem)
                auxiliaryLogits = auxiliary_head?.call(features[i]).MoveToOuterDisposeScope();
        }
        return (classifier.call(features[^1].mean([2, 3])).MoveToOuterDisposeScope(), auxiliaryLogits);
    }
}
