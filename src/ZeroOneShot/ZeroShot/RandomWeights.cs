using ZeroOneShot.Networks;

namespace ZeroOneShot.ZeroShot;

/// <summary>How the random weights are drawn that networks are ranked at.</summary>
public enum RandomWeights
{
    /// <summary><see cref="Initialization.KaimingNormalFanOut"/>: that of TE-NAS and ETENAS.</summary>
    KaimingNormalFanOut,

    /// <summary>
    /// <see cref="Initialization.Default"/>: PyTorch's, at which NASLib's zero-cost scores (Krishnakumar et al. 2022) were taken. Functions
    /// of the weights' size, such as the L2 norm and SynFlow, differ much between the two.
    /// </summary>
    Default,
}
