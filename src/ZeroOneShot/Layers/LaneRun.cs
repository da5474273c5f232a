using System.Numerics;
using ZeroOneShot.Kernels;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// One run of a module on features in the order of <see cref="Lanes"/>, and what it takes to run it backwards: every layer puts its
/// backward step on a stack.
/// </summary>
/// <param name="images">Number of lanes that are images.</param>
/// <param name="recorded">Whether the run can go backwards.</param>
/// <param name="repeats">Whether it repeats the last run of the module, on the same input.</param>
internal sealed class LaneRun(long images, bool recorded, bool repeats = false) : IDisposable
{
    private readonly Stack<(BackwardStep Step, MultipleStep? OfMultiple)> _steps = [];
    private readonly HashSet<Tensor> _kept = new(ReferenceEqualityComparer.Instance);
    private readonly List<LaneRun> _branches = [];
    private Tensor? _input;

    /// <summary>The gradient of a layer's input from that of its output, whose memory it may use; null where it is not needed.</summary>
    internal delegate Tensor? BackwardStep(Tensor gradient, bool needed);

    /// <summary>
    /// The same from a gradient that is a factor times another, which it neither changes nor keeps, and the sum of the products of that
    /// other one with the output.
    /// </summary>
    internal delegate (double Product, Tensor? InputGradient) MultipleStep(Tensor gradient, double factor, bool needed);

    /// <summary>Number of lanes that are images.</summary>
    public long Images => images;

    /// <summary>
    /// Gets what every ReLU reads, in lanes, several at once where several threads run; null: nobody asks. It neither changes nor keeps it.
    /// </summary>
    public Action<Tensor>? Rectifying { get; init; }

    /// <summary>
    /// Gets, on the way back, every convolution with its output and that one's gradient, in lanes, several at once where several threads
    /// run; null: nobody asks. It neither changes nor keeps them.
    /// </summary>
    public Action<nn.Module, Tensor, Tensor>? Convolved { get; init; }

    /// <summary>Whether the run can go backwards.</summary>
    public bool IsRecorded => recorded;

    /// <summary>Whether it repeats the last run of the module, on the same input.</summary>
    public bool Repeats => repeats;

    /// <summary>The module's output, which the caller disposes.</summary>
    /// <param name="module">The module.</param>
    /// <param name="input">Its input, which must not change or be disposed before the run goes backwards.</param>
    public Tensor Forward(nn.Module<Tensor, Tensor> module, Tensor input)
    {
        using var _ = no_grad();
        _input = input;
        try
        {
            return NotTheInput(input.dtype == ScalarType.Float32 ? Through<float>(module, input) : Through<double>(module, input));
        }
        catch
        {
            Dispose();                                                              // nobody has the run yet
            throw;
        }
    }

    /// <summary>
    /// The module's output, but for a batch norm at its end, without learned scale and shift and in training mode, which is left to whoever
    /// adds the output to a sum.
    /// </summary>
    public Summand ForwardToAdd(nn.Module<Tensor, Tensor> module, Tensor input) =>
        recorded ? new Summand(Forward(module, input)) : ForwardToAdd(module, input, isLearned: false);

    /// <summary>The same of a batch norm with learned scale and shift, also where the run is recorded.</summary>
    public Summand ForwardToNode(nn.Module<Tensor, Tensor> module, Tensor input) => ForwardToAdd(module, input, isLearned: true);

    private Summand ForwardToAdd(nn.Module<Tensor, Tensor> module, Tensor input, bool isLearned)
    {
        var layers = (module as LayerSequence)?.Layers ?? module as ModuleChain;
        if (layers is not { Modules: [_, .., BatchNormModule { training: true } norm] } chain || norm.Weight is not null != isLearned)
            return new Summand(Forward(module, input));
        using var _ = no_grad();
        _input = input;
        try
        {
            return input.dtype == ScalarType.Float32 ? Of<float>() : Of<double>();
        }
        catch
        {
            Dispose();                                                              // nobody has the run yet
            throw;
        }

        Summand Of<T>() where T : unmanaged, IFloatingPointIeee754<T>
        {
            var summand = norm.ToAdd<T>(chain.InLanes<T>(input, this, chain.Modules.Count - 1), this);
            return summand with { Features = NotTheInput(summand.Features) };
        }
    }

    /// <summary>What an identity gives is the input, which is somebody else's to dispose.</summary>
    private Tensor NotTheInput(Tensor output) => ReferenceEquals(output, _input) ? output.alias() : output;

    /// <summary>The output of a module that is part of the run's.</summary>
    public Tensor Through<T>(nn.Module<Tensor, Tensor> module, Tensor x) where T : unmanaged, IFloatingPointIeee754<T> =>
        module is ILaneModule lanes ? lanes.InLanes<T>(x, this) : InImages(module, x);

    /// <summary>A run on the same images, of layers that go their own way from an input. Disposed with this run.</summary>
    /// <param name="input">Their input, which must not change or be disposed before the run goes backwards.</param>
    public LaneRun Branch(Tensor input)
    {
        var branch = new LaneRun(images, recorded, repeats) { _input = input, Rectifying = Rectifying, Convolved = Convolved };
        _branches.Add(branch);
        return branch;
    }

    /// <summary>
    /// The gradient of the input; null unless <paramref name="needed"/>. Gradients of weights are added to their <c>grad</c> where they
    /// require it.
    /// </summary>
    /// <param name="gradient">The gradient of the output; taken over.</param>
    /// <param name="needed">Whether the gradient of the input is wanted.</param>
    public Tensor? Backward(Tensor gradient, bool needed)
    {
        using var _ = no_grad();
        Tensor? current = gradient;
        while (current is not null && _steps.TryPop(out var last))
        {
            var next = last.Step(current, needed || _steps.Count > 0);
            if (!ReferenceEquals(next, current))
                current.Dispose();
            current = next;
        }
        if (needed || current is null)
            return current;
        current.Dispose();
        return null;
    }

    /// <summary>
    /// <see cref="Backward"/> from a factor times a gradient, which is not taken over, and the sum of the products of that gradient with
    /// the output; null where the last layer cannot.
    /// </summary>
    public (double Product, Tensor? InputGradient)? BackwardOfMultiple(Tensor gradient, double factor, bool needed)
    {
        if (!_steps.TryPeek(out var last) || last.OfMultiple is not { } step)
            return null;
        using var _ = no_grad();
        _steps.Pop();
        var (product, current) = step(gradient, factor, needed || _steps.Count > 0);
        if (current is not null)
            _kept.Remove(current);
        return (product, current is null ? null : Backward(current, needed));
    }

    /// <summary>A layer's backward step, and the tensors that it reads.</summary>
    public void Record(BackwardStep step, params ReadOnlySpan<Tensor?> reads) => Record(step, null, reads);

    /// <inheritdoc cref="Record(BackwardStep, ReadOnlySpan{Tensor?})"/>
    public void Record(BackwardStep step, MultipleStep? ofMultiple, params ReadOnlySpan<Tensor?> reads)
    {
        if (!recorded)
            return;
        _steps.Push((step, ofMultiple));
        foreach (var tensor in reads)
        {
            if (tensor is not null && !ReferenceEquals(tensor, _input) && _kept.Add(tensor))
                tensor.DetachFromDisposeScope();
        }
    }

    /// <summary>
    /// Has <see cref="Convolved"/> see convolutions, whose outputs are side by side in a tensor, once that one's gradient is known.
    /// </summary>
    public void See(Tensor output, params ReadOnlySpan<(nn.Module Module, long Channels)> convolutions)
    {
        if (!recorded || Convolved is not { } see)
            return;
        var (copy, all) = (Lanes.Copy(output), convolutions.ToArray());             // what follows may overwrite it
        Record((g, _) =>
        {
            var first = 0L;
            foreach (var (module, channels) in all)
            {
                using var part = copy.narrow(1, first, channels);
                using var ofPart = g.narrow(1, first, channels);
                see(module, part, ofPart);
                first += channels;
            }
            return g;
        }, copy);
    }

    /// <summary>Whether nobody reads a tensor any more once the next layer has, which may therefore overwrite it.</summary>
    public bool IsSpare(Tensor tensor) => !ReferenceEquals(tensor, _input) && !_kept.Contains(tensor);

    /// <summary>Numbers that the run holds with its output, in all lanes.</summary>
    internal long Holds(Tensor output) => HoldsFor() + (IsSpare(output) ? output.numel() : 0);

    private long HoldsFor() => _kept.Sum(tensor => tensor.numel()) + _branches.Sum(branch => branch.HoldsFor());

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _kept)
            tensor.Dispose();
        _kept.Clear();
        foreach (var branch in _branches)
            branch.Dispose();
        _branches.Clear();
    }

    /// <summary>A module that has no form in lanes: in libtorch's order, backwards by autograd through it alone.</summary>
    private Tensor InImages(nn.Module<Tensor, Tensor> module, Tensor x)
    {
        using var scope = NewDisposeScope();
        var image = Lanes.ToImages(x, images);
        image = MemoryLayout.ChannelsLast(image);
        if (!recorded)
            return Lanes.Of(module.forward(image)).MoveToOuterDisposeScope();
        var leaf = image.detach().requires_grad_(true);
        Tensor y;
        using (enable_grad())
            y = module.forward(leaf);
        var output = Lanes.Of(y.detach()).MoveToOuterDisposeScope();
        Record((g, needed) =>
        {
            using var inner = NewDisposeScope();
            if (y.requires_grad)
                y.backward([Lanes.ToImages(g, images)]);
            return needed ? Lanes.Of(leaf.grad ?? zeros_like(leaf)).MoveToOuterDisposeScope() : null;
        }, leaf, y);
        return output;
    }
}
