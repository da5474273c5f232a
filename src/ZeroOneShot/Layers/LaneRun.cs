using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// One run of a module on features in the order of <see cref="Kernels.Lanes"/>, and what it takes to run it backwards: every layer puts its
/// backward step on a stack.
/// </summary>
/// <param name="images">Number of lanes that are images.</param>
/// <param name="recorded">Whether the run can go backwards.</param>
internal sealed class LaneRun(long images, bool recorded) : IDisposable
{
    private readonly Stack<BackwardStep> _steps = [];
    private readonly HashSet<Tensor> _kept = new(ReferenceEqualityComparer.Instance);
    private Tensor? _input;

    /// <summary>The gradient of a layer's input from that of its output, whose memory it may use; null where it is not needed.</summary>
    internal delegate Tensor? BackwardStep(Tensor gradient, bool needed);

    /// <summary>Number of lanes that are images.</summary>
    public long Images => images;

    /// <summary>The module's output.</summary>
    /// <param name="module">The module.</param>
    /// <param name="input">Its input, which must not change or be disposed before the run goes backwards.</param>
    public Tensor Forward(nn.Module<Tensor, Tensor> module, Tensor input)
    {
        using var _ = no_grad();
        _input = input;
        return input.dtype == ScalarType.Float32
            ? LaneLayers<float>.Forward(module, input, this)
            : LaneLayers<double>.Forward(module, input, this);
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
        while (current is not null && _steps.TryPop(out var step))
        {
            var next = step(current, needed || _steps.Count > 0);
            if (!ReferenceEquals(next, current))
                current.Dispose();
            current = next;
        }
        if (needed || current is null)
            return current;
        current.Dispose();
        return null;
    }

    /// <summary>A layer's backward step, and the tensors that it reads.</summary>
    public void Record(BackwardStep step, params ReadOnlySpan<Tensor?> reads)
    {
        if (!recorded)
            return;
        _steps.Push(step);
        foreach (var tensor in reads)
        {
            if (tensor is not null && !ReferenceEquals(tensor, _input) && _kept.Add(tensor))
                tensor.DetachFromDisposeScope();
        }
    }

    /// <summary>Whether nobody reads a tensor any more once the next layer has, which may therefore overwrite it.</summary>
    public bool IsSpare(Tensor tensor) => !ReferenceEquals(tensor, _input) && !_kept.Contains(tensor);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _kept)
            tensor.Dispose();
        _kept.Clear();
    }
}
