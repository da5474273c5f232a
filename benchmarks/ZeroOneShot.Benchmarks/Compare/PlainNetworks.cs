using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks.Compare;

/// <summary>Networks that people would write by hand.</summary>
internal static class PlainNetworks
{
    /// <summary>ResNet-20 for CIFAR (He et al. 2016, section 4.2), with 1x1 convolutions where sizes change.</summary>
    public static nn.Module<Tensor, Tensor> ResNet20(int channels, int classes)
    {
        var layers = new List<nn.Module<Tensor, Tensor>> { Convolution(channels, 16, stride: 1), nn.BatchNorm2d(16), nn.ReLU() };
        var width = 16;
        foreach (var (stage, block) in Enumerable.Range(0, 3).SelectMany(stage => Enumerable.Range(0, 3).Select(block => (stage, block))))
        {
            var wider = 16 << stage;
            layers.Add(new ResidualBlock(width, wider, stride: stage > 0 && block == 0 ? 2 : 1));
            width = wider;
        }
        return nn.Sequential([.. layers, .. Head(width, classes)]);
    }

    /// <summary>Three convolutions of 3x3 with 32, 64 and 128 channels, each with batch norm, ReLU and a max pool.</summary>
    public static nn.Module<Tensor, Tensor> SmallCnn(int channels, int classes)
    {
        int[] widths = [channels, 32, 64, 128];
        return nn.Sequential(
        [
            .. widths.Zip(widths[1..]).SelectMany(pair => (nn.Module<Tensor, Tensor>[])
                [Convolution(pair.First, pair.Second, stride: 1), nn.BatchNorm2d(pair.Second), nn.ReLU(), nn.MaxPool2d(2)]),
            .. Head(widths[^1], classes),
        ]);
    }

    private static Conv2d Convolution(int from, int to, int stride) => nn.Conv2d(from, to, 3, stride: stride, padding: 1, bias: false);

    private static IEnumerable<nn.Module<Tensor, Tensor>> Head(int width, int classes) =>
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes)];

    private sealed class ResidualBlock : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> _convolutions;
        private readonly nn.Module<Tensor, Tensor>? _shortcut;

        public ResidualBlock(int from, int to, int stride) : base(nameof(ResidualBlock))
        {
            _convolutions = nn.Sequential(
                Convolution(from, to, stride), nn.BatchNorm2d(to), nn.ReLU(), Convolution(to, to, stride: 1), nn.BatchNorm2d(to));
            _shortcut = from == to ? null : nn.Sequential(nn.Conv2d(from, to, 1, stride: stride, bias: false), nn.BatchNorm2d(to));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var shortcut = _shortcut is null ? input : _shortcut.forward(input);
            return nn.functional.relu(_convolutions.forward(input) + shortcut).MoveToOuterDisposeScope();
        }
    }
}
