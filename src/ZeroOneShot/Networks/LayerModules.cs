using TorchSharp.Modules;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>From lists of layers to modules whose parameters have the names of the public PyTorch code.</summary>
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
        [Layer.FactorizedReduce] => new FactorizedReduceModule(inputChannels, outputChannels, affine),
        [var only] => Build(only, inputChannels, outputChannels, affine),
        _ => new LayerSequence(layers, inputChannels, outputChannels, affine),
    };

    /// <summary>The module of one layer.</summary>
    public static nn.Module<Tensor, Tensor> Build(Layer layer, int inputChannels, int outputChannels, bool affine) => layer switch
    {
        Layer.Relu => new ReluModule(),
        Layer.Convolution convolution =>
            new ConvolutionModule(convolution, inputChannels, convolution.Depthwise ? inputChannels : outputChannels),
        Layer.BatchNorm => new BatchNormModule(outputChannels, affine),
        Layer.MaxPool or Layer.AveragePool => new PoolModule(layer),
        Layer.Zero zero => new ZeroModule(zero.Stride),
        Layer.FactorizedReduce => new FactorizedReduceModule(inputChannels, outputChannels, affine),
        _ => throw new NotSupportedException($"Layer {layer} has no module."),
    };
}

/// <summary>Layers one after the other, the first a ReLU; parameters are named <c>op.N.weight</c>, N being the layer's position.</summary>
internal sealed class LayerSequence : nn.Module<Tensor, Tensor>
{
    private readonly ModuleChain op;

    public LayerSequence(IReadOnlyList<Layer> layers, int inputChannels, int outputChannels, bool affine) : base(nameof(LayerSequence))
    {
        var modules = new List<nn.Module<Tensor, Tensor>>();
        var channels = inputChannels;
        foreach (var layer in layers)
        {
            modules.Add(LayerModules.Build(layer, channels, outputChannels, affine));
            if (layer is Layer.Convolution { Depthwise: false })
                channels = outputChannels;
        }
        op = new ModuleChain(modules);
        RegisterComponents();
    }

    public ModuleChain Layers => op;

    public override Tensor forward(Tensor input) => op.call(input);
}

/// <summary>Modules one after the other; their names are their positions.</summary>
internal sealed class ModuleChain : nn.Module<Tensor, Tensor>
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
}

internal sealed class IdentityModule() : nn.Module<Tensor, Tensor>(nameof(IdentityModule))
{
    public override Tensor forward(Tensor input) => input.alias();
}

internal sealed class ReluModule() : nn.Module<Tensor, Tensor>(nameof(ReluModule))
{
    public override Tensor forward(Tensor input) => nn.functional.relu(input);
}

internal sealed class ZeroModule(int stride) : nn.Module<Tensor, Tensor>(nameof(ZeroModule))
{
    public int Stride => stride;

    public override Tensor forward(Tensor input) =>
        input.new_zeros(
            input.shape[0], input.shape[1], ImageSize.Reduced(input.shape[2], stride), ImageSize.Reduced(input.shape[3], stride));
}

/// <summary>What the channels that bypass the operations of an edge pass: with stride 2 a 2x2 maximum, so that the sizes match.</summary>
internal sealed class BypassModule(int stride) : nn.Module<Tensor, Tensor>(nameof(BypassModule))
{
    public const int Window = 2;

    public int Stride => stride;

    public override Tensor forward(Tensor input) =>
        stride == 1 ? input.alias() : nn.functional.max_pool2d(input, Window, stride, ceil_mode: true);
}

internal sealed class ConvolutionModule : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;

    public ConvolutionModule(Layer.Convolution layer, int inputChannels, int outputChannels) : base(nameof(ConvolutionModule))
    {
        Layer = layer;
        weight = nn.Parameter(empty(outputChannels, layer.Depthwise ? 1 : inputChannels, layer.Kernel, layer.Kernel));
        RegisterComponents();
    }

    public Layer.Convolution Layer { get; }

    public Parameter Weight => weight;

    public override Tensor forward(Tensor input) => Convolutions.Run(input, weight, Layer);
}

internal sealed class BatchNormModule : nn.Module<Tensor, Tensor>
{
    public const double Epsilon = 1e-5, Momentum = 0.1;

    private readonly Parameter? weight, bias;
    private readonly Tensor running_mean, running_var;

    public BatchNormModule(int channels, bool affine) : base(nameof(BatchNormModule))
    {
        if (affine)
            (weight, bias) = (nn.Parameter(ones(channels)), nn.Parameter(zeros(channels)));
        (running_mean, running_var) = (zeros(channels), ones(channels));
        RegisterComponents();
    }

    public Parameter? Weight => weight;

    public Parameter? Bias => bias;

    public Tensor RunningMean => running_mean;

    public Tensor RunningVariance => running_var;

    /// <summary>Whether a forward run in training mode updates the running statistics. Off while an operation is run again.</summary>
    public bool Tracks { get; set; } = true;

    public override Tensor forward(Tensor input) => MemoryLayout.BatchNorm(input, image => training && !Tracks
        ? nn.functional.batch_norm(image, null, null, weight, bias, training: true, Momentum, Epsilon)
        : nn.functional.batch_norm(image, running_mean, running_var, weight, bias, training, Momentum, Epsilon));

    /// <summary>Takes over the running statistics of a batch norm that saw the same.</summary>
    public void CopyStatistics(BatchNormModule other)
    {
        running_mean.copy_(other.running_mean);
        running_var.copy_(other.running_var);
    }
}

internal sealed class PoolModule(Layer layer) : nn.Module<Tensor, Tensor>(nameof(PoolModule))
{
    public Layer Layer => layer;

    public override Tensor forward(Tensor input) => layer switch
    {
        Layer.MaxPool(var kernel, var stride) => nn.functional.max_pool2d(input, kernel, stride, (kernel - 1) / 2),
        Layer.AveragePool(var kernel, var stride) =>
            nn.functional.avg_pool2d(input, kernel, stride, (kernel - 1) / 2, ceil_mode: false, count_include_pad: false),
        _ => throw new NotSupportedException($"Layer {layer} is no pooling."),
    };
}

/// <summary>See <see cref="Layer.FactorizedReduce"/>. An odd image is padded by one row and column for the shifted convolution.</summary>
internal sealed class FactorizedReduceModule : nn.Module<Tensor, Tensor>
{
    private static readonly Layer.Convolution s_halving = new(1, Stride: 2);

    private readonly ConvolutionModule conv_1, conv_2;
    private readonly BatchNormModule bn;

    public FactorizedReduceModule(int inputChannels, int outputChannels, bool affine) : base(nameof(FactorizedReduceModule))
    {
        conv_1 = new ConvolutionModule(s_halving, inputChannels, outputChannels / 2);
        conv_2 = new ConvolutionModule(s_halving, inputChannels, outputChannels - outputChannels / 2);
        bn = new BatchNormModule(outputChannels, affine);
        RegisterComponents();
    }

    public ConvolutionModule First => conv_1;

    public ConvolutionModule Second => conv_2;

    public BatchNormModule BatchNorm => bn;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var rectified = nn.functional.relu(input);
        var shifted = ImageSize.PaddedToEven(rectified)[.., .., 1.., 1..];
        return bn.call(cat([conv_1.call(rectified), conv_2.call(shifted)], 1)).MoveToOuterDisposeScope();
    }
}
