using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// What a ranking function sees: a network with random weights in training mode, and the images to rank it on. Its batch norms keep their
/// running statistics as they are, so that no function changes what the next one sees.
/// </summary>
public abstract class RankedNetwork : IDisposable
{
    private readonly RankingBatches _batches;
    private Tensor? _logits;

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
    public LossGradient Gradient(Tensor images, Func<Tensor, Tensor> loss)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(loss);
        foreach (var (_, parameter) in Module.named_parameters())
            parameter.grad = null;
        using var scope = NewDisposeScope();
        var value = Backward(images, loss).Value();
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
        return features;
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

    /// <summary>The value of a loss; its gradients are added to the weights' <c>grad</c>.</summary>
    private protected abstract Tensor Backward(Tensor images, Func<Tensor, Tensor> loss);

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
