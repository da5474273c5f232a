namespace ZeroOneShot.OneShot;

/// <summary>How a method searches what its pruning has left.</summary>
public enum SearchKind
{
    /// <summary>By training a supernet, <see cref="MaskedDartsSearch"/>.</summary>
    OneShot,

    /// <summary>Without training, by ranking genotypes, <see cref="ZeroShot.ZeroShotSearch"/>.</summary>
    ZeroShot,
}
