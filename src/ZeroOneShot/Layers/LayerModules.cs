using System.Numerics;
using ZeroOneShot.Onnx;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>What lists of layers come to: modules whose parameters have the names of the public PyTorch code, sizes, costs, ONNX.</summary>
internal static class LayerModules
{
    /// <summary>The module of an operation.</summary>
    /// <param name="layers">The layers; none is the identity.</param>
    /// <param name="inputChannels">Channels of the input.</param>
    /// <param name="outputChannels">Channels of the output.</param>
    /// <param name="affine">Whether batch norms have a learned scale and shift.</param>
    public static nn.Module<Tensor, Tensor> Build(
        IReadOnlyList<Layer> layers, int inputChannels, int outputChannels, bool affine) => layers switch
    {
        [] => new IdentityModule(),
        [var only] => only.Build(inputChannels, outputChannels, affine),
        _ => new LayerSequence(layers, inputChannels, outputChannels, affine),
    };

    /// <summary>The modules of layers that follow one another, named by their positions.</summary>
    public static ModuleChain Chain(IReadOnlyList<Layer> layers, int inputChannels, int outputChannels, bool affine)
    {
        var modules = new List<nn.Module<Tensor, Tensor>>();
        var size = new FeatureSize(inputChannels, 1, 1);
        foreach (var layer in layers)
        {
            modules.Add(layer.Build((int)size.Channels, outputChannels, affine));
            size = size with { Channels = layer.Output(new FeatureSize(size.Channels, 64, 64), outputChannels).Channels };
        }
        return new ModuleChain(modules);
    }

    /// <summary>The size that layers make of a size.</summary>
    public static FeatureSize Output(this IReadOnlyList<Layer> layers, FeatureSize input, long channels) =>
        layers.Aggregate(input, (size, layer) => layer.Output(size, channels));

    /// <summary>The sum of the layers' costs.</summary>
    public static LayerCost Cost(this IReadOnlyList<Layer> layers, FeatureSize input, long channels, bool affine)
    {
        var cost = default(LayerCost);
        foreach (var layer in layers)
        {
            cost += layer.Cost(input, channels, affine);
            input = layer.Output(input, channels);
        }
        return cost;
    }

    /// <summary>Adds the module of layers to an ONNX model.</summary>
    public static string Export(
        this OnnxGraph graph, string x, FeatureSize input, IReadOnlyList<Layer> layers, nn.Module<Tensor, Tensor> module, long channels)
    {
        var modules = Modules(module);
        for (var i = 0; i < layers.Count; i++)
        {
            x = layers[i].Export(graph, x, input, modules[i]);
            input = layers[i].Output(input, channels);
        }
        return x;
    }

    /// <summary>The modules of single layers.</summary>
    private static IReadOnlyList<nn.Module<Tensor, Tensor>> Modules(nn.Module<Tensor, Tensor> module) => module switch
    {
        LayerSequence sequence => sequence.Layers.Modules,
        ModuleChain chain => chain.Modules,
        _ => [module],
    };
}

/// <summary>Layers one after the other; parameters are named <c>op.N.weight</c>, N being the layer's position.</summary>
internal sealed class LayerSequence : nn.Module<Tensor, Tensor>, ILaneModule
{
    private readonly ModuleChain op;

    public LayerSequence(IReadOnlyList<Layer> layers, int inputChannels, int outputChannels, bool affine) : base(nameof(LayerSequence))
    {
        op = LayerModules.Chain(layers, inputChannels, outputChannels, affine);
        RegisterComponents();
    }

    public ModuleChain Layers => op;

    public override Tensor forward(Tensor input) => op.call(input);

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T> => op.InLanes<T>(x, run);
}

/// <summary>Modules one after the other; their names are their positions.</summary>
internal sealed class ModuleChain : nn.Module<Tensor, Tensor>, ILaneModule
{
    private readonly nn.Module<Tensor, Tensor>[] _modules;

    public ModuleChain(IEnumerable<nn.Module<Tensor, Tensor>> modules) : base(nameof(ModuleChain))
    {
        _modules = [.. modules];
        for (var i = 0; i < _modules.Length; i++)
            register_module($"{i}", _modules[i]);
    }

    public IReadOnlyList<nn.Module<Tensor, Tensor>> Modules => _modules;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var output = input;
        foreach (var module in _modules)
            output = module.call(output);                                       // not forward, which would pass by hooks
        return (ReferenceEquals(output, input) ? input.alias() : output).MoveToOuterDisposeScope();
    }

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T> =>
        InLanes<T>(x, run, _modules.Length);

    /// <summary>The output in lanes of the first modules.</summary>
    public Tensor InLanes<T>(Tensor x, LaneRun run, int count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (var i = 0; i < count; i++)
        {
            Tensor y;
            if (_modules[i] is IRectifier && i + 1 < count && _modules[i + 1] is IRectifyingModule next)
            {
                // A ReLU is part of the convolution behind it, which rectifies what it reads.
                run.Rectifying?.Invoke(x);
                y = next.InLanes<T>(x, run, rectify: true);
                i++;
            }
            else
            {
                y = run.Through<T>(_modules[i], x);
            }
            if (!ReferenceEquals(x, y) && run.IsSpare(x))
                x.Dispose();
            x = y;
        }
        return x;
    }
}

internal sealed class IdentityModule() : nn.Module<Tensor, Tensor>(nameof(IdentityModule)), ILaneModule
{
    public override Tensor forward(Tensor input) => input.alias();

    // Itself: of an alias a run would not know that others read its memory.
    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T> => x;
}
