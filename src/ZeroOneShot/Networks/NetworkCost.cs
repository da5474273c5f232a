using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Networks;

/// <summary>The size of an evaluation network, as the literature counts it: without the auxiliary head.</summary>
/// <param name="Parameters">Number of learned parameters.</param>
/// <param name="MultiplyAdds">Multiplications and additions of one image's convolutions and linear layer, a pair counted once.</param>
public readonly record struct NetworkCost(long Parameters, long MultiplyAdds)
{
    /// <summary>Counts a network without building it.</summary>
    /// <param name="genotype">The architecture.</param>
    /// <param name="options">The network's shape.</param>
    /// <param name="inputChannels">Channels of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="imageSize">Side of the images, in pixels.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    public static NetworkCost Of(
        Genotype genotype, CellNetOptions options, int inputChannels, int classes, int imageSize = 32, SearchSpace? space = null)
    {
        ArgumentNullException.ThrowIfNull(genotype);
        ArgumentNullException.ThrowIfNull(options);
        space ??= SearchSpace.Darts;
        long size = imageSize;
        var before = size;
        var stem = options.StemMultiplier * options.Channels;
        var cost = Of([new Layer.Convolution(3), new Layer.BatchNorm()], inputChannels, stem, affine: true, size);
        var last = stem;
        foreach (var plan in CellPlan.Of(genotype, options))
        {
            cost += Of(plan.FirstPreprocess, plan.ChannelsBeforePrevious, plan.Channels, affine: true, before);
            cost += Of(CandidateOperation.Preprocess, plan.PreviousChannels, plan.Channels, affine: true, size);
            var reduced = plan.Kind == CellKind.Reduction ? ImageSize.Reduced(size, 2) : size;
            foreach (var edge in plan.Genotype.Edges)
            {
                var from = plan.Stride(edge) == 2 ? size : reduced;
                cost += Of(plan.Layers(space, edge), plan.Channels, plan.Channels, options.AffineOperations, from);
            }
            (before, size, last) = (size, reduced, plan.OutputChannels);
        }
        return cost + new NetworkCost((last + 1L) * classes, (long)last * classes);
    }

    /// <summary>Adds two sizes.</summary>
    public static NetworkCost operator +(NetworkCost a, NetworkCost b) => new(a.Parameters + b.Parameters, a.MultiplyAdds + b.MultiplyAdds);

    private static NetworkCost Of(IReadOnlyList<Layer> layers, int inputChannels, int outputChannels, bool affine, long size)
    {
        var cost = default(NetworkCost);
        long channels = inputChannels;
        foreach (var layer in layers)
        {
            switch (layer)
            {
                case Layer.Convolution convolution:
                    size = ImageSize.Reduced(size, convolution.Stride);
                    var outputs = convolution.Depthwise ? channels : outputChannels;
                    var weights = outputs * (convolution.Depthwise ? 1 : channels) * convolution.Kernel * convolution.Kernel;
                    cost += new NetworkCost(weights, weights * size * size);
                    channels = outputs;
                    break;
                case Layer.FactorizedReduce:
                    size = ImageSize.Reduced(size, 2);
                    cost += new NetworkCost(
                        channels * outputChannels + (affine ? 2 * outputChannels : 0), channels * outputChannels * size * size);
                    channels = outputChannels;
                    break;
                case Layer.BatchNorm:
                    cost += new NetworkCost(affine ? 2 * channels : 0, 0);
                    break;
            }
        }
        return cost;
    }
}
