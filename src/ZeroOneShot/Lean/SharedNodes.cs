using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// A cell that is computed as far as some of its states go: all operations on these are run and added to the nodes. Networks that differ
/// behind these states go on from copies (<see cref="LeanCell"/>).
/// </summary>
/// <param name="features">All intermediate nodes, side by side.</param>
/// <param name="parts">What operations add to in each of them, and what bypasses operations.</param>
/// <param name="inputs">The inputs, as far as they are known, preprocessed.</param>
/// <param name="mixedNode"><see cref="MixedNode"/>.</param>
internal sealed class SharedNodes(
    Tensor features, IReadOnlyList<(Tensor Mixed, Tensor? Bypass)> parts, IEnumerable<Tensor> inputs, int? mixedNode) : IDisposable
{
    private readonly HashSet<Tensor> _owned = new(ReferenceEqualityComparer.Instance);

    /// <summary>All intermediate nodes, side by side; those before <see cref="States"/> are finished.</summary>
    public Tensor Features { get; } = features;

    /// <summary>Views of the nodes, which live as long as the scope they were made in.</summary>
    public IReadOnlyList<(Tensor Mixed, Tensor? Bypass)> Parts { get; } = parts;

    /// <summary>The preprocessed inputs.</summary>
    public List<Tensor> Inputs { get; } = [.. inputs];

    /// <summary>How many states have been added to the nodes behind them.</summary>
    public int States { get; set; }

    /// <summary>What bypasses the operations of the edges into each node, in the order of the sum.</summary>
    public IReadOnlyList<List<(StateUses.Edge Edge, Tensor Bypass)>> Bypasses { get; } =
        [.. parts.Select(_ => new List<(StateUses.Edge, Tensor)>())];

    /// <summary>The node whose operations' outputs are kept, so that it can be mixed anew; null where none is.</summary>
    public int? MixedNode => mixedNode;

    /// <summary>The outputs of the operations into <see cref="MixedNode"/>, in the order of the sum.</summary>
    public List<(StateUses.OperationUse Use, StateUses.Edge Edge, Tensor Output)> Outputs { get; } = [];

    /// <summary>Whether an operation's output is kept, and so is not to be disposed by who made it.</summary>
    public bool Keeps(StateUses.OperationUse use, Tensor output)
    {
        if (mixedNode is null)
            return false;
        var edges = use.Edges.Where(edge => edge.Node == mixedNode).ToArray();
        Outputs.AddRange(edges.Select(edge => (use, edge, output)));
        return edges.Length > 0;
    }

    /// <summary>The same with a copy of the nodes, to go on with; this must outlive it.</summary>
    public SharedNodes Continued(Tensor copyOfFeatures, IReadOnlyList<(Tensor Mixed, Tensor? Bypass)> partsOfCopy)
    {
        var copy = new SharedNodes(copyOfFeatures, partsOfCopy, Inputs, mixedNode: null) { States = States };
        foreach (var (node, bypasses) in Bypasses.Index())
            copy.Bypasses[node].AddRange(bypasses);
        return copy;
    }

    /// <summary>Takes everything out of the dispose scope.</summary>
    public void Detach()
    {
        foreach (var tensor in Inputs.Append(Features).Concat(Bypasses.SelectMany(at => at, (_, at) => at.Bypass))
            .Concat(Outputs.Select(kept => kept.Output)))
        {
            if (_owned.Add(tensor))
                tensor.DetachFromDisposeScope();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _owned)
            tensor.Dispose();
        _owned.Clear();
    }
}
