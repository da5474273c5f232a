using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ZeroOneShot.Networks;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>Has evaluation networks classify in lanes, from the first on that there is: they know nothing of how.</summary>
internal static class ClassifierInLanes
{
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Nobody who uses a network has to know how it classifies.")]
    internal static void Install() =>
        Classification.InLanes = static (network, images) => new LeanCellNet((CellNet)network).Forward((Tensor)images);
}
