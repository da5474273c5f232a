namespace ZeroOneShot.Layers;

/// <summary>Whether a convolution adds a learned number per output channel.</summary>
public enum ConvolutionBias
{
    /// <summary>It adds none.</summary>
    None,

    /// <summary>It adds one only where normalisations have no learned shift, as in the search networks of NAS-Bench-201.</summary>
    UnlessAffine,

    /// <summary>It adds one.</summary>
    Always,
}
