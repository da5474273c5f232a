using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Tests.Networks;

/// <summary>Parameters of a supernet, from the table of layers and the text of DARTS alone.</summary>
internal static class LayerCount
{
    public static long OfSupernet(OperationMask mask, SupernetOptions options, int inputChannels, int classes)
    {
        var space = mask.Space;
        long stem = 3 * options.Channels;
        var (count, beforePrevious, previous, channels) = (inputChannels * stem * 9 + 2 * stem, stem, stem, (long)options.Channels);
        for (var cell = 0; cell < options.Cells; cell++)
        {
            var kind = space.Macro.Items(options.Cells)[cell].Kind!.Value;
            channels *= kind == CellKind.Reduction ? 2 : 1;
            count += (beforePrevious + previous) * channels;
            for (var edge = 0; edge < space.Topology.EdgeCount; edge++)
            {
                foreach (var row in mask.Live(kind, edge))
                    count += OfOperation(space.Operations[row], space.Topology.Stride(kind, edge), channels / options.PartialChannels);
            }
            (beforePrevious, previous) = (previous, space.Topology.Nodes * channels);
        }
        return count + (previous + 1) * classes;
    }

    // Batch norms inside a supernet's cells have no parameters.
    private static long OfOperation(CandidateOperation operation, int stride, long channels) =>
        operation.Layers(stride).Sum(layer => layer switch
        {
            Convolution { Depthwise: true } convolution => channels * convolution.Kernel.Height * convolution.Kernel.Width,
            Convolution convolution => channels * channels * convolution.Kernel.Height * convolution.Kernel.Width,
            FactorizedReduce => channels * channels,
            _ => 0,
        });
}
