using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.OneShot;

/// <summary>Channels, height and width of features.</summary>
internal readonly record struct FeatureSize(long Channels, long Height, long Width)
{
    /// <summary>Numbers of one image.</summary>
    public long Count => Channels * Height * Width;

    public FeatureSize Reduced(int stride) =>
        this with { Height = ImageSize.Reduced(Height, stride), Width = ImageSize.Reduced(Width, stride) };
}

/// <summary>
/// How many numbers per image are in memory while a list of layers runs, its input not counted. Tells, layer by layer, what
/// <see cref="LaneLayers{T}"/> makes, keeps for the backward run and lets go of.
/// </summary>
/// <param name="Output">The output.</param>
/// <param name="Forward">The most during a run that will not go backwards.</param>
/// <param name="Recorded">The most during the forward part of a run that will.</param>
/// <param name="Held">What such a run holds from then on, until it is disposed.</param>
/// <param name="Gradients">The most of the gradients on the way back, from that of the output to that of the input.</param>
internal readonly record struct RunMemory(FeatureSize Output, long Forward, long Recorded, long Held, long Gradients)
{
    /// <summary>
    /// What of <see cref="Held"/> is left once nobody else needs the output: the output too where the backward run reads it.
    /// </summary>
    public long Kept { get; private init; }

    /// <summary>The most while the layers run forwards and back again, the gradient of the output included.</summary>
    public long Backward => Math.Max(Recorded, Held + Gradients);

    /// <param name="layers">The layers.</param>
    /// <param name="input">Their input.</param>
    /// <param name="channels">Channels of the output.</param>
    /// <param name="affine">Whether batch norms have a learned scale and shift.</param>
    /// <param name="weights">Whether weights get gradients.</param>
    /// <param name="needed">Whether the input gets one.</param>
    public static RunMemory Of(
        IReadOnlyList<Layer> layers, FeatureSize input, long channels, bool affine = false, bool weights = false, bool needed = true)
    {
        var forward = new Walk(input, recorded: false, weights);
        forward.Through(layers, channels, affine);
        var recorded = new Walk(input, recorded: true, weights);
        recorded.Through(layers, channels, affine);
        return new RunMemory(forward.Features, forward.Peak, recorded.Peak, recorded.Live, recorded.Gradients(needed))
        {
            Kept = recorded.Kept,
        };
    }

    private sealed class Walk(FeatureSize input, bool recorded, bool weights)
    {
        // Of every backward step the size of the gradient it makes, null where it changes the one it gets, and what it needs meanwhile.
        private readonly List<(long? Made, long Meanwhile)> _steps = [];
        private bool _spare;                                        // whether the features at hand may be overwritten or let go of

        public FeatureSize Features { get; private set; } = input;

        public long Live { get; private set; }

        public long Peak { get; private set; }

        /// <summary>Numbers in memory without the features at hand, unless they are read later.</summary>
        public long Kept => _spare ? Live - Features.Count : Live;

        public void Through(IReadOnlyList<Layer> layers, long channels, bool affine)
        {
            for (var i = 0; i < layers.Count; i++)
            {
                switch (layers[i])
                {
                    case Layer.Relu when i + 1 < layers.Count && layers[i + 1] is Layer.Convolution convolution:
                        Convolution(convolution, channels, rectify: i++ >= 0);
                        break;
                    case Layer.Relu:
                        Next(Features, readsInput: false, readsOutput: true, (null, Features.Count));
                        break;
                    case Layer.Convolution convolution:
                        Convolution(convolution, channels, rectify: false);
                        break;
                    case Layer.BatchNorm:
                        BatchNorm(affine);
                        break;
                    case Layer.MaxPool(_, var stride):
                        Next(Features.Reduced(stride), readsInput: true, readsOutput: true, (Features.Count, 0));
                        break;
                    case Layer.AveragePool(_, var stride):
                        Next(Features.Reduced(stride), readsInput: false, readsOutput: false, (Features.Count, 0));
                        break;
                    case Layer.Zero(var stride):
                        Next(Features.Reduced(stride), readsInput: false, readsOutput: false, (Features.Count, 0));
                        break;
                    case Layer.FactorizedReduce:
                        var quarter = Features.Reduced(2).Count;    // of the pixels, which each of the two convolutions reads
                        Make(2 * quarter);
                        Next(Features.Reduced(2) with { Channels = channels },
                            readsInput: false, readsOutput: false, (Features.Count, quarter));
                        if (!recorded)
                            Live -= 2 * quarter;
                        BatchNorm(affine);
                        break;
                    default:
                        throw new NotSupportedException($"Nothing is known of the memory that layer {layers[i]} takes.");
                }
            }
        }

        public long Gradients(bool needed)
        {
            var gradient = Features.Count;
            var peak = gradient;
            for (var i = _steps.Count - 1; i >= 0; i--)
            {
                var made = i > 0 || needed ? _steps[i].Made : null;
                peak = Math.Max(peak, gradient + (made ?? 0) + _steps[i].Meanwhile);
                gradient = made ?? gradient;
            }
            return peak;
        }

        private void Convolution(Layer.Convolution layer, long channels, bool rectify)
        {
            var reads = weights || rectify;
            if (layer.Depthwise)
            {
                Next(Features.Reduced(layer.Stride), reads, readsOutput: false, (Features.Count, 0));
                return;
            }
            if (layer is not { Kernel: 1, Stride: 1 })              // what every tap of the window meets becomes a channel
            {
                var neighbours = Features.Reduced(layer.Stride) with { Channels = Features.Channels * layer.Kernel * layer.Kernel };
                Next(neighbours, readsInput: false, readsOutput: false, (Features.Count, 0));
            }
            Next(Features with { Channels = channels }, reads, readsOutput: false, (Features.Count, 0));
        }

        private void BatchNorm(bool affine)
        {
            if (_spare)
                _steps.Add((null, 0));                              // in place
            else
                Next(Features, readsInput: false, readsOutput: false, (null, 0));
            _spare = !recorded;                                     // going backwards reads the normalised features
            if (affine)
                Next(Features, readsInput: false, readsOutput: false);
        }

        /// <summary>A layer makes its output, and its input goes unless something reads it later.</summary>
        private void Next(FeatureSize output, bool readsInput, bool readsOutput, params (long? Made, long Meanwhile)[] steps)
        {
            Make(output.Count);
            if (_spare && !(recorded && readsInput))
                Live -= Features.Count;
            (Features, _spare) = (output, !(recorded && readsOutput));
            _steps.AddRange(steps);
        }

        private void Make(long numbers)
        {
            Live += numbers;
            Peak = Math.Max(Peak, Live);
        }
    }
}
