using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// What networks have in common that differ in one node of all cells of a kind (<see cref="LeanSupernet.Share"/>), on one batch of images.
/// </summary>
/// <param name="order">The order of all features.</param>
/// <param name="first">The first item that differs.</param>
/// <param name="items">Number of items.</param>
internal sealed class SharedFeatures(FeatureOrder order, int first, int items) : IDisposable
{
    /// <summary>The order of all features.</summary>
    public FeatureOrder Order => order;

    /// <summary>The first item that differs.</summary>
    public int First => first;

    /// <summary>The cells that are computed in part; null where an item has to run as a whole.</summary>
    public SharedNodes?[] Cells { get; } = new SharedNodes?[items];

    /// <summary>The output of the last item where none differs.</summary>
    public Tensor? Last { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var cell in Cells)
            cell?.Dispose();
        Last?.Dispose();
    }
}
