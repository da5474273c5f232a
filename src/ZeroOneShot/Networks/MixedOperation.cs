using ZeroOneShot.Layers;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// All candidate operations of one edge, mixed as in Eq. (1): Mix(x, O) = sum over live o of weight(o) * o(x). A masked operation is not
/// constructed. With partial connections (PC-DARTS) only the first 1/K of the channels pass the operations; the rest bypass them,
/// max-pooled where the edge has stride 2, and the channels are shuffled. Without a live operation there is no edge: it adds zeros, and
/// nothing bypasses it.
/// </summary>
internal sealed class MixedOperation : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly SearchSpace _space;
    private readonly int _stride;
    private readonly int _channels;
    private readonly int _partial;
    private readonly nn.Module<Tensor, Tensor> _bypass;
    private readonly Dictionary<int, nn.Module<Tensor, Tensor>> _operations = [];

    public MixedOperation(SearchSpace space, IEnumerable<int> live, int stride, int channels, int partial) : base(nameof(MixedOperation))
    {
        (_space, _stride, _channels, _partial, _bypass) = (space, stride, channels, partial, PartialConnection.Bypass(stride));
        foreach (var row in live)
        {
            var operation = space.Operations[row];
            var module = LayerModules.Build(operation.Layers(stride), channels / partial, channels / partial, affine: false);
            if (operation.IsNormalizedInSearch)
                module = new ModuleChain([module, new BatchNormModule(channels / partial, affine: false)]);
            _operations.Add(row, module);
        }
        if (space.Macro.Names.Operations is { } list)
        {
            register_module(list, new OperationList(_operations));
        }
        else
        {
            foreach (var (row, module) in _operations)
                register_module($"{row}", module);
        }
    }

    /// <summary>What the channels that bypass the operations pass; it runs with partial connections alone.</summary>
    public nn.Module Bypass => _bypass;

    /// <summary>The rows of the operations that exist.</summary>
    public IReadOnlyCollection<int> Rows => _operations.Keys;

    internal nn.Module<Tensor, Tensor> Operation(int row) => _operations[row];

    /// <summary>Mixes with all operations that exist.</summary>
    /// <param name="input">N x C x H x W.</param>
    /// <param name="weights">One weight per row of the space's table.</param>
    public override Tensor forward(Tensor input, Tensor weights) => Forward(input, weights, _operations.Keys);

    /// <summary>Mixes with some of the operations that exist.</summary>
    /// <param name="input">N x C x H x W.</param>
    /// <param name="weights">One weight per row of the space's table.</param>
    /// <param name="live">The rows to run.</param>
    /// <param name="addsIdle">Whether the weights of the other rows are added as numbers (<see cref="Mixture.AddsIdleWeights"/>).</param>
    internal Tensor Forward(Tensor input, Tensor weights, IReadOnlyCollection<int> live, bool addsIdle = false)
    {
        using var scope = NewDisposeScope();
        if (!live.Any())                                                        // no edge at all, its bypass included
            return new ZeroModule(_stride).forward(input).MoveToOuterDisposeScope();
        var x = _partial == 1 ? input : input.narrow(1, 0, _channels / _partial);
        Tensor? mix = null;
        foreach (var row in live)
        {
            if (_space.Operations[row].IsZero(_stride))
                continue;
            var term = weights[row] * _operations[row].call(x);
            mix = mix is null ? term : mix.Plus(term);
        }
        mix ??= new ZeroModule(_stride).forward(x);
        if (addsIdle && Enumerable.Range(0, _space.Operations.Count).Except(live).ToArray() is { Length: > 0 } idle)
            mix = mix.Plus(cat([.. idle.Select(row => weights[row].unsqueeze(0))]).sum());
        return (_partial == 1 ? mix : ShuffleWithBypass(mix, input)).MoveToOuterDisposeScope();
    }

    private Tensor ShuffleWithBypass(Tensor mixed, Tensor input)
    {
        var bypass = _bypass.call(input.narrow(1, _channels / _partial, _channels - _channels / _partial));
        return PartialConnection.Shuffle(cat([mixed, bypass], 1), _partial);
    }

    /// <summary>Gives the operations the names <c>_ops.ROW</c>, masked rows left out.</summary>
    private sealed class OperationList : nn.Module
    {
        public OperationList(Dictionary<int, nn.Module<Tensor, Tensor>> operations) : base(nameof(OperationList))
        {
            foreach (var (row, module) in operations)
                register_module($"{row}", module);
        }
    }
}
