using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// A ranking function r of Algorithm 1: a number that says how promising an untrained network is, greater being better. The scale does not
/// matter: importances are changes relative to |r(N)|.
/// </summary>
public interface IRankingFunction
{
    /// <summary>A short name for reports, for example <c>nngp-correlation</c>.</summary>
    string Name { get; }

    /// <summary>
    /// Whether the function asks for <see cref="RankedNetwork.Labels"/>. Default false: then the classes of the images play no part at all.
    /// If true, a network has at least as many outputs as the images have classes, and the result depends on how they are labelled.
    /// </summary>
    bool NeedsLabels => false;

    /// <summary>
    /// How it runs the network, by which its memory is predicted. Default <see cref="FunctionMemory.Forwards"/>; say so where it looks at
    /// features or takes gradients, or one with a graph is stopped by the system in place of an error.
    /// </summary>
    FunctionMemory Memory => FunctionMemory.Forwards;

    /// <summary>
    /// Refuses, before anything is ranked, options that the function cannot do with, for example fewer images than it looks at. Default:
    /// takes all.
    /// </summary>
    /// <param name="options">On what networks are ranked; of images no more than there are.</param>
    /// <exception cref="ArgumentException">It cannot; the message names the function, what was found and what is expected.</exception>
    void Validate(RankingOptions options)
    {
    }

    /// <summary>
    /// The same as a function of <see cref="RankedNetwork.Logits"/> alone, computed so that autograd can differentiate it: from images x
    /// outputs to a scalar. Default null: there is no such function, and pruning by it to first order
    /// (<see cref="ZeroShotPruningOptions.FirstOrder"/>) is refused.
    /// </summary>
    Func<Tensor, Tensor>? OfLogits => null;

    /// <summary>Ranks a network; greater is better.</summary>
    /// <param name="network">The network with random weights, and the images to rank it on.</param>
    /// <returns>A finite number, not 0 for a whole network.</returns>
    double Rank(RankedNetwork network);
}
