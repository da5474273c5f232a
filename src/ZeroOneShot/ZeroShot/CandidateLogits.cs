using ZeroOneShot.Kernels;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// The logits of a round's networks at the same random weights, bit for bit those that each would give by itself. The networks that lack an
/// operation of the same edge are computed together, when the first of them is asked for.
/// </summary>
/// <remarks>
/// <para>An operation has the same output wherever its input is the same. A network without an operation on edge (i, k) has the features
/// of the whole one up to the first cell of the kind, there in all states before node k, and in the next cell in the first input. So it
/// runs the operations behind node k of that cell, those behind changed inputs, and all of later cells; node k is added up anew from
/// outputs that are kept, in the same order.</para>
/// <para>In memory at a time: what networks share on one batch, and what a forward run takes of every network that runs at the time.</para>
/// </remarks>
internal sealed class CandidateLogits : IDisposable
{
    private readonly LeanSupernet _lean;
    private readonly IReadOnlyList<Tensor> _batches;
    private readonly IReadOnlyList<OperationMask> _networks;
    private readonly (CellKind Kind, int Edge, int Operation)[] _lacking;
    private readonly Func<OperationMask, Mixture> _mixture;
    private readonly CancellationToken _cancellation;
    private readonly bool _sideBySide;
    private readonly Dictionary<int, Tensor> _waiting = [];
    private (CellKind Kind, int Node, int Batch, SharedFeatures Features)? _shared;

    /// <param name="lean">The network, at its random weights.</param>
    /// <param name="batches">The images.</param>
    /// <param name="networks">The whole network, then those that lack one of its live operations, in the order of the mask.</param>
    /// <param name="mixture">The mixing weights of a network.</param>
    /// <param name="sideBySide">Whether as many networks run at a time as there are threads.</param>
    /// <param name="cancellationToken">Stops between two networks.</param>
    public CandidateLogits(LeanSupernet lean, IReadOnlyList<Tensor> batches, IReadOnlyList<OperationMask> networks,
        Func<OperationMask, Mixture> mixture, bool sideBySide, CancellationToken cancellationToken)
    {
        (_lean, _batches, _networks, _mixture, _cancellation) = (lean, batches, networks, mixture, cancellationToken);
        _lacking = [.. networks[0].AllLive];
        // Of libtorch's own loops some depend on the number of threads, of which a worker has one.
        _sideBySide = sideBySide && Lanes.Handle(batches[0]) && lean.Supernet.RunsInLanes;
    }

    /// <summary>
    /// The logits of a network that lacks an operation, images x outputs, which the caller disposes. Each is asked for once.
    /// </summary>
    /// <param name="network">Its number, from 1.</param>
    public Tensor Of(int network)
    {
        if (_waiting.Count > 0 && !_waiting.ContainsKey(network))
            DropWaiting();                                                          // the function did not ask for all of an edge
        if (!_waiting.ContainsKey(network))
            Compute(network);
        _waiting.Remove(network, out var logits);
        return logits!;
    }

    /// <summary>Computes the logits of a network and of those after it that lack an operation of the same edge.</summary>
    private void Compute(int network)
    {
        var (kind, edge, _) = _lacking[network - 1];
        var count = _lacking.Skip(network - 1).TakeWhile(j => (j.Kind, j.Edge) == (kind, edge)).Count();
        var node = _networks[0].Space.Topology.Ends(edge).Node;
        using var scope = NewDisposeScope();
        var logits = Enumerable.Range(0, count).Select(_ => new List<Tensor>()).ToArray();
        var mixtures = Enumerable.Range(network, count).Select(i => _mixture(_networks[i])).ToArray();
        try
        {
            for (var batch = 0; batch < _batches.Count; batch++)
            {
                var shared = Shared(kind, node, batch);
                if (_sideBySide)
                    Workers.Run(count, i => Logits(shared, i).DetachFromDisposeScope(), Add);
                else
                    for (var i = 0; i < count; i++)
                        Add(i, Logits(shared, i).DetachFromDisposeScope());
            }
            for (var i = 0; i < count; i++)
                _waiting[network + i] = cat(logits[i]).DetachFromDisposeScope();
        }
        finally
        {
            foreach (var mixture in mixtures)
                mixture.Dispose();
            foreach (var tensor in logits.SelectMany(ofNetwork => ofNetwork))
                tensor.Dispose();
        }

        Tensor Logits(SharedFeatures shared, int i)
        {
            _cancellation.ThrowIfCancellationRequested();
            return _lean.Forward(shared, mixtures[i]);
        }

        void Add(int i, Tensor ofBatch) => logits[i].Add(ofBatch);
    }

    /// <summary>
    /// What the networks share that differ in a node, on a batch. Where there is one batch, it is kept for the next edge into the node.
    /// </summary>
    private SharedFeatures Shared(CellKind kind, int node, int batch)
    {
        if (_shared is { } shared && (shared.Kind, shared.Node, shared.Batch) == (kind, node, batch))
            return shared.Features;
        DropShared();
        using var whole = _mixture(_networks[0]);
        var features = _lean.Share(_batches[batch], whole, kind, node);
        _shared = (kind, node, batch, features);
        return features;
    }

    private void DropShared()
    {
        _shared?.Features.Dispose();
        _shared = null;
    }

    private void DropWaiting()
    {
        foreach (var logits in _waiting.Values)
            logits.Dispose();
        _waiting.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        DropShared();
        DropWaiting();
    }
}
