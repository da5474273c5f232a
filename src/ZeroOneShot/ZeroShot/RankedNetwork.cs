using TorchSharp;
using TorchSharp.Modules;
using ZeroOneShot.Data;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// What a ranking function sees: a network with random weights in training mode, and the images to rank it on. Its batch norms keep their
/// running statistics as they are, and buffers of layers of your own are put back, so that no function changes what the next one sees.
/// </summary>
public abstract class RankedNetwork : IDisposable
{
    private readonly RankingBatches _batches;
    private Tensor? _logits;
    private Dictionary<string, BatchNormModule>? _batchNorms;

    private protected RankedNetwork(RankingBatches batches, int outputs) => (_batches, Outputs) = (batches, outputs);

    /// <summary>The network as a module of TorchSharp: a <see cref="RankedSupernet"/>'s, or a <see cref="RankedCellNet"/>'s.</summary>
    public abstract nn.Module Module { get; }

    /// <summary>Number of logits; see <see cref="RankingOptions.Outputs"/>.</summary>
    public int Outputs { get; }

    /// <summary>Batches of normalised images, each N x C x H x W. Do not dispose.</summary>
    public IReadOnlyList<Tensor> Images => _batches.Images;

    /// <summary>The classes of the images of every batch, int64, N. Do not dispose.</summary>
    /// <exception cref="InvalidOperationException">The function that asks has not said that it needs labels.</exception>
    public IReadOnlyList<Tensor> Labels => Asking is { NeedsLabels: true }
        ? _batches.Labels
        : throw new InvalidOperationException(
            $"Ranking function '{Asking?.Name}' asks for labels, but its {nameof(IRankingFunction.NeedsLabels)} is false; return true " +
            "there, so that the network has an output for every class.");

    /// <summary>F of the paper: the logits of all images, without gradient, images x outputs. Computed once; do not dispose.</summary>
    public Tensor Logits
    {
        get => _logits ??= AllLogits();
    }

    /// <summary>
    /// The names of the layers that run, as <see cref="Features"/> takes them: parts of the network as they are registered, the smallest
    /// among them (<c>cells.0._ops.4._ops.5.op.2</c>), whole operations (<c>cells.0._ops.4._ops.5</c>) and cells (<c>cells.0</c>).
    /// </summary>
    public IReadOnlyList<string> Layers =>
        [.. Module.named_modules().Where(named => IsLayer(named.module) && Runs(named.name)).Select(named => named.name)];

    /// <summary>The function that is asked to rank; decides on <see cref="Labels"/>.</summary>
    internal IRankingFunction? Asking { get; set; }

    /// <summary>The logits of images, without gradient, in the memory that the largest layer needs.</summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <returns>N x outputs, which the caller owns.</returns>
    public abstract Tensor Forward(Tensor images);

    /// <summary>The gradient of the mean cross entropy of a batch with respect to all weights that run.</summary>
    /// <param name="batch">The number of the batch, from 0.</param>
    /// <exception cref="InvalidOperationException">The function that asks has not said that it needs labels.</exception>
    public LossGradient Gradient(int batch) =>
        Gradient(Images[batch], logits => nn.functional.cross_entropy(logits, Labels[batch]));

    /// <summary>
    /// The gradient of a loss with respect to all weights that run, in the memory of a step of the search on a supernet, of training on a
    /// genotype's network. It begins at 0 every time.
    /// </summary>
    /// <param name="images">Normalised images, N x C x H x W: a batch, or some images of one.</param>
    /// <param name="loss">From the logits, N x outputs, which have a gradient, to a scalar.</param>
    /// <returns>The gradient, which the caller disposes.</returns>
    public LossGradient Gradient(Tensor images, Func<Tensor, Tensor> loss) => Gradient(images, loss, convolved: null);

    /// <summary>
    /// The same, with a look at every convolution that runs, its output and that one's gradient (<see cref="LaneRun.Convolved"/>), where
    /// <see cref="RunsInLanes"/>.
    /// </summary>
    internal LossGradient Gradient(Tensor images, Func<Tensor, Tensor> loss, Action<nn.Module, Tensor, Tensor>? convolved)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(loss);
        foreach (var (_, parameter) in Module.named_parameters())
            parameter.grad = null;
        using var scope = NewDisposeScope();
        var value = Backward(images, loss, ofImages: null, convolved).Value();
        var weights = new List<WeightGradient>();
        foreach (var (name, parameter) in Module.named_parameters())
        {
            if (parameter.grad is not { } gradient)
                continue;                                                           // its operation does not run
            weights.Add(new WeightGradient(name, parameter, gradient.alias().DetachFromDisposeScope()));
            parameter.grad = null;
        }
        return new LossGradient(value, weights);
    }

    /// <summary>
    /// The gradient of a loss with respect to the images, in the memory of <see cref="Gradient(Tensor, Func{Tensor, Tensor})"/>, of shape
    /// N x C x H x W; the caller disposes it. On a GPU by libtorch's autograd, in the memory of <see cref="ForwardWithGraph"/>.
    /// </summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <param name="loss">From the logits, N x outputs, which have a gradient, to a scalar.</param>
    public Tensor ImageGradient(Tensor images, Func<Tensor, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(loss);
        using var scope = NewDisposeScope();
        if (!Lanes.Handle(images))
        {
            var x = images.detach().clone().requires_grad_(true);
            return Derivatives.Of(loss(ForwardWithGraph(x)), [x])[0].MoveToOuterDisposeScope();
        }
        Tensor? gradient = null;
        var weights = Module.parameters().Where(weight => weight.requires_grad).ToArray();
        foreach (var weight in weights)
            weight.requires_grad_(false);                                           // nobody asks for their gradients
        try
        {
            Backward(images, loss, given => gradient = given, convolved: null);
        }
        finally
        {
            foreach (var weight in weights)
                weight.requires_grad_(true);
        }
        scope.Attach(gradient!);
        return gradient!.MoveToOuterDisposeScope();
    }

    /// <summary>Whether this library's kernels run the whole network on images.</summary>
    internal bool RunsInLanes(Tensor images) => Lanes.Handle(images) && AllRunsInLanes;

    /// <summary>Whether every layer that runs has a form in lanes.</summary>
    private protected abstract bool AllRunsInLanes { get; }

    /// <summary>The outputs of some layers, without gradient, computed by libtorch in one run of the network.</summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <param name="layers">Names out of <see cref="Layers"/>.</param>
    /// <returns>One tensor a layer, most of them N x C x H x W, in the order of the names; the caller disposes them.</returns>
    /// <exception cref="ArgumentException">No layer of that name runs.</exception>
    public IReadOnlyList<Tensor> Features(Tensor images, params IReadOnlyList<string> layers)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(layers);
        var modules = Module.named_modules().ToDictionary(named => named.name, named => named.module);
        var features = new Tensor[layers.Count];
        var unhook = new List<Action>();
        try
        {
            foreach (var (place, name) in layers.Index())
            {
                if (!modules.TryGetValue(name, out var module) || !IsLayer(module) || !Runs(name))
                {
                    throw new ArgumentException(
                        $"No layer '{name}' runs in this network; expected one of Layers: {string.Join(", ", Layers.Take(5))}, ...",
                        nameof(layers));
                }
                // A copy, for what the network makes of its features in their own memory is its own affair.
                unhook.Add(Hook(module, output => features[place] = output.clone().DetachFromDisposeScope()));
            }
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            Define(images);
        }
        finally
        {
            foreach (var remove in unhook)
                remove();
        }
        if (Array.IndexOf(features, null) is >= 0 and var missing)
        {
            foreach (var tensor in features)
                tensor?.Dispose();
            throw new ArgumentException(
                $"Layer '{layers[missing]}' is part of a module that calls its forward, where nothing can look on; " +
                "ask for that module's output, or let it use call.", nameof(layers));
        }
        return features;
    }

    /// <summary>
    /// The logits with a graph, by libtorch's autograd: for gradients of images and features, and for second derivatives. Takes the memory
    /// of all features of the network, many times that of <see cref="Gradient(int)"/>: give few images.
    /// </summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <returns>N x outputs, which the caller owns.</returns>
    public Tensor ForwardWithGraph(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        using var _ = enable_grad();
        return Define(images);
    }

    /// <summary>Shows what every ReLU that runs gets, one after the other in a run without gradient by libtorch.</summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <param name="see">Gets N x C x H x W, which it neither changes nor keeps.</param>
    public void Rectified(Tensor images, Action<Tensor> see)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(see);
        using var watched = Watch((_, module, input, output) =>
        {
            see(input);
            return output;
        }, module => module is ReluModule or ReLU);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Define(images);
    }

    /// <summary>
    /// Notes the patterns that ReLUs read, as <see cref="SignPatterns"/> does, if this library's kernels run the whole network; then in the
    /// memory and time of <see cref="Forward"/>. What they read is that of <see cref="Rectified"/> but for rounding.
    /// </summary>
    /// <param name="images">Images of which each is a bit of a pattern.</param>
    /// <param name="seen">A place for each pattern.</param>
    /// <returns>False: they do not run it, and nothing is noted.</returns>
    internal virtual bool NotePatterns(Tensor images, bool[] seen) => false;

    /// <summary>
    /// Random numbers of a function's own, for example noise that takes the place of images: the same for all networks that are compared
    /// with one another, others for every random weights.
    /// </summary>
    /// <param name="name">What they are for; another name gives independent ones.</param>
    /// <returns>A stream at its beginning, which the caller disposes.</returns>
    public RandomStream Random(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return RandomStream.Of(Seed, $"ranking function, {name}, round {Round}, initialisation {Number}");
    }

    /// <summary>The seed, and which of the random weights the network has.</summary>
    internal (long Seed, int Round, int Number) Draw { init => (Seed, Round, Number) = value; }

    private long Seed { get; init; }

    private int Round { get; init; }

    private int Number { get; init; }

    /// <summary>The size of what runs.</summary>
    internal abstract NetworkCost Cost { get; }

    /// <summary>The items of the network: stem, cells and blocks, head.</summary>
    internal abstract NetworkPlan Plan { get; }

    /// <summary>The graph of a cell.</summary>
    internal CellTopology Topology => Plan.Space.Topology;

    /// <summary>The edges of every cell, node by node, on which something comes from the inputs.</summary>
    internal IEnumerable<IReadOnlyList<CellConnection>> CellConnections => Plan.Items.OfType<CellItem>().Select(cell =>
    {
        var reached = Enumerable.Range(0, Topology.Inputs).ToHashSet();
        var edges = new List<CellConnection>();
        foreach (var edge in Connections(cell).OrderBy(edge => edge.Node).Where(edge => edge.Live > 0 && reached.Contains(edge.From)))
        {
            edges.Add(edge);
            reached.Add(Topology.Inputs + edge.Node);
        }
        return edges;
    });

    /// <summary>The edges of a cell.</summary>
    private protected abstract IReadOnlyList<CellConnection> Connections(CellItem cell);

    /// <summary>The numbers of the items whose outputs are the stem's and the cells', blocks between cells among them.</summary>
    internal Range Cells => (Plan.Stem.Parts.Count - 1)..(Plan.Items.Index().Last(at => at.Item is CellItem).Index + 1);

    /// <summary>
    /// The weights of convolutions and linear layers, that is, all of two dimensions and more, that run, in the order of the network.
    /// </summary>
    internal IReadOnlyList<(string Name, Parameter Weight)> Weights =>
        [.. Module.named_parameters().Where(at => at.parameter.ndim >= 2 && Runs(Owner(at.name)))];

    /// <summary>
    /// The same architecture with few channels, as few cells as its space has and random weights of its own, in training mode, on other
    /// images; the caller disposes it and its <see cref="Module"/>.
    /// </summary>
    /// <param name="channels">Channels of the first cells.</param>
    /// <param name="images">The images, which stay the caller's.</param>
    /// <param name="weights">What the weights are drawn from.</param>
    internal abstract RankedNetwork Narrow(int channels, Tensor images, RandomStream weights);

    /// <summary>The output of an item by libtorch, under autograd where that is on.</summary>
    internal abstract Tensor RunItem(int item, IReadOnlyList<Tensor> inputs);

    /// <summary>The outputs of all items, without gradient, by libtorch; they belong to the current scope.</summary>
    internal IReadOnlyList<Tensor> ItemOutputs(Tensor images)
    {
        using var noGradient = no_grad();
        var outputs = new List<Tensor>();
        for (var item = 0; item < Plan.Items.Count; item++)
        {
            outputs.Add(RunItem(item, [.. Plan.Items[item].Inputs.Select(input =>
                input == NetworkPlan.OfImages ? images : outputs[input])]));
        }
        return outputs;
    }

    /// <summary>The features that the classifier reads: pooled, images x channels; they belong to the current scope.</summary>
    internal Tensor Pooled(Tensor images) => LastFeature(images).mean([2, 3]);

    /// <summary>The output of the last item; it belongs to the current scope.</summary>
    internal Tensor LastFeature(Tensor images)
    {
        using var scope = NewDisposeScope();
        return ItemOutputs(images)[^1].MoveToOuterDisposeScope();
    }

    /// <summary>The mean of a function's values for every batch.</summary>
    internal double Mean(Func<int, double> ofBatch) => Enumerable.Range(0, Images.Count).Average(batch =>
    {
        using var scope = NewDisposeScope();
        return ofBatch(batch);
    });

    /// <summary>
    /// Calls a function for every layer that runs, with its name, input and output; what it returns takes the place of the output. Until
    /// disposed.
    /// </summary>
    internal IDisposable Watch(
        Func<string, nn.Module<Tensor, Tensor>, Tensor, Tensor, Tensor> see, Func<nn.Module<Tensor, Tensor>, bool> which)
    {
        var unhook = new List<Action>();
        foreach (var (name, module) in Module.named_modules())
        {
            if (module is nn.Module<Tensor, Tensor> layer && which(layer) && Runs(name))
                unhook.Add(layer.register_forward_hook((_, input, output) => see(name, layer, input, output)).remove);
        }
        return new Undo(() => unhook.ForEach(remove => remove()));
    }

    /// <summary>Batch norms take their running statistics, 0 and 1 in a fresh network, until disposed.</summary>
    internal IDisposable Evaluation()
    {
        Module.eval();
        return new Undo(() => Module.train());
    }

    /// <summary>Whether a parameter is a scale or a shift of a batch norm.</summary>
    internal bool IsOfBatchNorm(string parameter) => BatchNorms.ContainsKey(Owner(parameter));

    /// <summary>Batch norms have other running statistics until disposed.</summary>
    internal IDisposable WithStatistics(double mean, double variance)
    {
        using var noGradient = no_grad();
        var before = new List<(Tensor Buffer, Tensor Values)>();
        foreach (var norm in BatchNorms.Values)
        {
            foreach (var (buffer, value) in new[] { (norm.RunningMean, mean), (norm.RunningVariance, variance) })
            {
                before.Add((buffer, buffer.clone().DetachFromDisposeScope()));
                buffer.Fill(value);
            }
        }
        return new Undo(() =>
        {
            using var noGradient = no_grad();
            foreach (var (buffer, values) in before)
            {
                buffer.copy_(values);
                values.Dispose();
            }
        });
    }

    private Dictionary<string, BatchNormModule> BatchNorms => _batchNorms ??= Module.named_modules()
        .Where(named => named.module is BatchNormModule).ToDictionary(named => named.name, named => (BatchNormModule)named.module);

    /// <summary>The network computes in double precision until disposed.</summary>
    internal IDisposable InDouble()
    {
        var type = Module.parameters().First().dtype;
        if (type == ScalarType.Float64)
            return new Undo(() => { });
        To(ScalarType.Float64);
        return new Undo(() => To(type));

        // TorchSharp makes new tensors and leaves the old ones to finalizers.
        void To(ScalarType other)
        {
            Tensor[] before = [.. Module.parameters(), .. Module.buffers()];
            Module.to(other);
            var after = new HashSet<Tensor>([.. Module.parameters(), .. Module.buffers()], ReferenceEqualityComparer.Instance);
            foreach (var tensor in before.Where(tensor => !after.Contains(tensor)))
                tensor.Dispose();
        }
    }

    /// <summary>Parameters that run have other values until disposed: those that a function writes into them.</summary>
    internal IDisposable WithParameters(Action<string, Parameter> write)
    {
        using var noGradient = no_grad();
        var before = new List<(Parameter Parameter, Tensor Values)>();
        foreach (var (name, parameter) in Module.named_parameters().Where(at => Runs(Owner(at.name))))
        {
            before.Add((parameter, parameter.clone().DetachFromDisposeScope()));
            write(name, parameter);
        }
        return new Undo(() =>
        {
            using var noGradient = no_grad();
            foreach (var (parameter, values) in before)
            {
                parameter.copy_(values);
                values.Dispose();
            }
        });
    }

    private protected ImageShape Shape => new((int)Images[0].shape[1], (int)Images[0].shape[2], (int)Images[0].shape[3]);

    private static string Owner(string parameter) => parameter.LastIndexOf('.') is >= 0 and var dot ? parameter[..dot] : "";

    private sealed class Undo(Action undo) : IDisposable
    {
        public void Dispose() => undo();
    }

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        _logits?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The logits of all images, out of dispose scopes.</summary>
    private protected virtual Tensor AllLogits()
    {
        using var scope = NewDisposeScope();
        return cat([.. Images.Select(Forward)]).DetachFromDisposeScope();
    }

    /// <summary>The logits by the network's definition, under autograd where that is on.</summary>
    private protected abstract Tensor Define(Tensor images);

    /// <summary>
    /// The value of a loss; its gradients are added to the weights' <c>grad</c>, and that of the images is given to whoever asks for it.
    /// </summary>
    private protected abstract Tensor Backward(
        Tensor images, Func<Tensor, Tensor> loss, Action<Tensor>? ofImages, Action<nn.Module, Tensor, Tensor>? convolved);

    /// <summary>Whether the layer of a name is part of what runs.</summary>
    private protected virtual bool Runs(string layer) => true;

    private static bool IsLayer(nn.Module module) => module is nn.Module<Tensor, Tensor> or SearchCell or GenotypeCell;

    private static Action Hook(nn.Module module, Action<Tensor> keep)
    {
        return module switch
        {
            SearchCell cell => cell.register_forward_hook((_, _, _, output) => Kept(output)).remove,
            GenotypeCell cell => cell.register_forward_hook((_, _, _, output) => Kept(output)).remove,
            _ => ((nn.Module<Tensor, Tensor>)module).register_forward_hook((_, _, output) => Kept(output)).remove,
        };

        Tensor Kept(Tensor output)
        {
            keep(output);
            return output;
        }
    }
}
