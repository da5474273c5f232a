using TorchSharp.Modules;
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
    private readonly ModuleChain stem;
    private readonly ModuleList<SearchCell> cells;
    private readonly Linear classifier;

    /// <summary>Builds the live operations of a mask, weights yet to be drawn: see <see cref="Initialization"/>.</summary>
    /// <param name="mask">Which operations are built.</param>
    /// <param name="options">The network's shape.</param>
    /// <param name="inputChannels">Channels of the images: 1 or 3.</param>
    /// <param name="classes">Number of classes, at least 2.</param>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, or the mask leaves an edge no operation, or no genotype.
    /// </exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    public Supernet(OperationMask mask, SupernetOptions options, int inputChannels, int classes) : base(nameof(Supernet))
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(inputChannels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        options.Validate();
        mask.ThrowIfNoGenotype();
        TorchRuntime.EnsureLoaded();
        (Mask, Options) = (mask, options);

        var stemChannels = options.StemMultiplier * options.Channels;
        stem = new ModuleChain([
            new ConvolutionModule(new Layer.Convolution(3), inputChannels, stemChannels),
            new BatchNormModule(stemChannels, affine: true),
        ]);
        var nodes = mask.Space.Topology.Nodes;
        var (beforePrevious, previous, channels, previousReduced) = (stemChannels, stemChannels, options.Channels, false);
        cells = [];
        for (var i = 0; i < options.Cells; i++)
        {
            var kind = CellTopology.KindOf(options.Cells, i);
            if (kind == CellKind.Reduction)
                channels *= 2;
            cells.Add(new SearchCell(mask, kind, previousReduced, beforePrevious, previous, channels, options.PartialChannels));
            (beforePrevious, previous, previousReduced) = (previous, nodes * channels, kind == CellKind.Reduction);
        }
        classifier = nn.Linear(previous, classes);
        RegisterComponents();
    }

    /// <summary>Which operations exist.</summary>
    public OperationMask Mask { get; }

    /// <summary>The network's shape.</summary>
    public SupernetOptions Options { get; }

    /// <summary>The cells, from the stem to the classifier.</summary>
    public IReadOnlyList<SearchCell> Cells => [.. cells];

    /// <summary>
    /// The names that masked operations would have, for example <c>cells.3._ops.5._ops.4</c>: what to ignore when weights come from a file
    /// of a larger network (see <see cref="Persistence.ModuleWeights.Load"/>).
    /// </summary>
    public IReadOnlyList<string> MaskedOperationNames =>
    [
        .. from cell in Enumerable.Range(0, Options.Cells)
           from edge in Enumerable.Range(0, Mask.Space.Topology.EdgeCount)
           from row in Enumerable.Range(0, Mask.Space.Operations.Count)
           where !Mask[CellTopology.KindOf(Options.Cells, cell), edge, row]
           select $"{nameof(cells)}.{cell}._ops.{edge}._ops.{row}",
    ];

    /// <summary>Computes the logits.</summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <param name="mixture">The mixing weights; its live operations must exist in this network.</param>
    /// <returns>Logits, N x classes.</returns>
    public override Tensor forward(Tensor images, Mixture mixture)
    {
        using var scope = NewDisposeScope();
        var features = stem.call(MemoryLayout.ChannelsLast(images));
        var (beforePrevious, previous) = (features, features);
        foreach (var cell in cells)
            (beforePrevious, previous) = (previous, cell.call(beforePrevious, previous, mixture));
        return classifier.call(previous.mean([2, 3])).MoveToOuterDisposeScope();
    }

    internal ModuleChain Stem => stem;

    internal Linear Classifier => classifier;
}
