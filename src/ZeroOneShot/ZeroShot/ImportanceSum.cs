namespace ZeroOneShot.ZeroShot;

/// <summary>What the importance of an operation sums over several ranking functions.</summary>
public enum ImportanceSum
{
    /// <summary>(r(N) - r(N without j)) / |r(N)|, as Algorithm 1 has it: a function whose values change much counts much.</summary>
    RelativeChanges,

    /// <summary>
    /// The rank of r(N) - r(N without j) among all candidates of the round, from 1; equal ones share the mean of theirs. Every function
    /// counts the same, whatever its scale, and r(N) may be 0.
    /// </summary>
    Ranks,
}
