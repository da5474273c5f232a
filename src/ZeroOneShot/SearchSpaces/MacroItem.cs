using ZeroOneShot.Layers;

namespace ZeroOneShot.SearchSpaces;

/// <summary>What stands between a network's stem and its head: a cell that is searched, or a fixed block of layers.</summary>
public sealed class MacroItem
{
    private MacroItem(CellKind? kind, IReadOnlyList<Layer> layers, int channelFactor) =>
        (Kind, Layers, ChannelFactor) = (kind, layers, channelFactor);

    /// <summary>The kind of the searched cell; null for a fixed block.</summary>
    public CellKind? Kind { get; }

    /// <summary>The layers of the fixed block.</summary>
    public IReadOnlyList<Layer> Layers { get; }

    /// <summary>From here on there are so many times as many channels.</summary>
    public int ChannelFactor { get; }

    /// <summary>A searched cell.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="channelFactor">From here on there are so many times as many channels. Default 1.</param>
    public static MacroItem Cell(CellKind kind, int channelFactor = 1) => new(kind, [], Checked(channelFactor));

    /// <summary>A fixed block.</summary>
    /// <param name="layers">Its layers.</param>
    /// <param name="channelFactor">From here on, and in the block's output, there are so many times as many channels. Default 1.</param>
    /// <exception cref="ArgumentException">
    /// The module of a layer of your own does something else than the layer says of it.
    /// </exception>
    public static MacroItem Block(IEnumerable<Layer> layers, int channelFactor = 1)
    {
        var block = new MacroItem(null, [.. layers], Checked(channelFactor));
        LayerCheck.Check(block.Layers, new FeatureSize(LayerCheck.Channels, 16, 16), LayerCheck.Channels * channelFactor,
            "a block between cells", nameof(layers));
        return block;
    }

    private static int Checked(int channelFactor)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channelFactor, 1);
        return channelFactor;
    }
}
