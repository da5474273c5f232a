using System.Numerics;
using ZeroOneShot.Kernels;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// A module that computes on features in the order of <see cref="Lanes"/>: forwards, and backwards by what it records in a
/// <see cref="LaneRun"/>.
/// </summary>
internal interface ILaneModule
{
    /// <summary>The output in lanes.</summary>
    Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>;
}

/// <summary>A module in lanes that does nothing but make 0 of negative numbers.</summary>
internal interface IRectifier : ILaneModule;

/// <summary>A module in lanes that can rectify what it reads, so that a rectifier before it needs no run of its own.</summary>
internal interface IRectifyingModule : ILaneModule
{
    /// <summary>The output in lanes, of max(x, 0) where asked for.</summary>
    Tensor InLanes<T>(Tensor x, LaneRun run, bool rectify) where T : unmanaged, IFloatingPointIeee754<T>;
}
