using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// The weights of a mixture as tensors that nobody reads: what is computed with them is the same work whatever they are, and can be
/// recorded (<see cref="RecordedStep"/>). Belongs to the dispose scope it is made in.
/// </summary>
internal sealed class DeviceCoefficients : MixingCoefficients
{
    private readonly Tensor[] _factors;                     // of the operations, those of their edges included
    private readonly Dictionary<(CellKind Kind, int Edge, int Row), Tensor> _operations = [];
    private readonly Dictionary<(CellKind Kind, int Edge), Tensor> _bypasses = [];

    /// <inheritdoc cref="MixingCoefficients(Mixture, OperationMask, bool)"/>
    public DeviceCoefficients(Mixture mixture, OperationMask network, bool apart) : base(mixture, network, apart)
    {
        using var _ = no_grad();
        _factors = [.. Kinds.Select(kind => mixture.Edges(kind) is { } edges
            ? mixture.Operations(kind).mul(edges.unsqueeze(1)) : mixture.Operations(kind).alias())];
    }

    /// <inheritdoc/>
    public override Factor Edge(CellKind kind, int edge) =>
        Mixture.Edges(kind) is { } edges ? new(double.NaN, edges.select(0, edge)) : new Factor(1);

    /// <inheritdoc/>
    public override Factor this[CellKind kind, int edge, int row] =>
        new(double.NaN, _factors[(int)kind].select(0, edge).select(0, row));

    /// <inheritdoc/>
    public override void AddOperation(CellKind kind, int edge, int row, Product product) =>
        Add(_operations, (kind, edge, row), product);

    /// <inheritdoc/>
    public override void AddBypass(CellKind kind, int edge, Product product) => Add(_bypasses, (kind, edge), product);

    /// <inheritdoc/>
    public override void AddIdle(CellKind kind, int edge, Product sum) =>
        throw new NotSupportedException("A mixture that adds idle weights is not recorded.");

    /// <summary>The gradients with respect to the weights of a kind of cell: edges x operations, and edges.</summary>
    public (Tensor Operations, Tensor Edges) Gradients(CellKind kind)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var weights = Mixture.Operations(kind);
        var (edgeCount, none) = (weights.shape[0], weights.new_zeros(1).squeeze(0));
        var products = stack([.. Enumerable.Range(0, (int)weights.numel())
            .Select(i => _operations.GetValueOrDefault((kind, i / Rows, i % Rows), none))]).to(weights.dtype).view(edgeCount, Rows);
        var bypasses = stack([.. Enumerable.Range(0, (int)edgeCount).Select(edge => _bypasses.GetValueOrDefault((kind, edge), none))])
            .to(weights.dtype);
        var ofOperations = Mixture.Edges(kind) is { } edges ? products.mul(edges.unsqueeze(1)) : products;
        return (ofOperations.MoveToOuterDisposeScope(), products.mul(weights).sum(1).add(bypasses).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var product in _operations.Values.Concat(_bypasses.Values))
            product.Dispose();
        _operations.Clear();
        _bypasses.Clear();
    }

    private static void Add<TKey>(Dictionary<TKey, Tensor> sums, TKey key, Product product) where TKey : notnull
    {
        var term = product.Later ?? throw new InvalidOperationException("A product of a device is not read.");
        if (sums.TryAdd(key, term))
            return;
        using (no_grad())
            sums[key].Accumulate(term);
        term.Dispose();
    }
}
