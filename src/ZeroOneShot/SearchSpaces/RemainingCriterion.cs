namespace ZeroOneShot.SearchSpaces;

/// <summary>How much of a search space a mask leaves.</summary>
public enum RemainingCriterion
{
    /// <summary>The share of architectures: the product over edges of live operations / all operations (Algorithm 1 as printed).</summary>
    Architectures,

    /// <summary>The share of operations: live operations / all operations, which is what memory and time follow.</summary>
    Operations,
}
