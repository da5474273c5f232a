namespace ZeroOneShot.ZeroShot;

/// <summary>
/// A ranking function r of Algorithm 1: a number that says how promising an untrained network is. The scale does not matter.
/// </summary>
public interface IRankingFunction
{
    /// <summary>A short name for reports, for example <c>nngp-correlation</c>.</summary>
    string Name { get; }

    /// <summary>Ranks a network; greater is better.</summary>
    /// <param name="network">The network with random weights, and the images to rank it on.</param>
    double Rank(RankedNetwork network);
}
