namespace ZeroOneShot.OneShot;

/// <summary>How a method prunes the search space before it searches.</summary>
public enum PruningKind
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>At random: every operation stays with probability xi.</summary>
    Random,

    /// <summary>Algorithm 1, until no more than xi remains.</summary>
    ZeroShot,

    /// <summary>
    /// Algorithm 1, until one operation per edge is left; the two most important edges per node are the result, without a search.
    /// </summary>
    ZeroShotToGenotype,
}
