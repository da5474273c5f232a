using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>Others who may rank networks of a round meanwhile. Their ranks are the same to the last bit, or they are not used.</summary>
internal interface IRoundShare
{
    /// <summary>What is left of a round is offered where it would take longer than this.</summary>
    TimeSpan Worth { get; }

    /// <summary>Offers parts of a round, in the order in which they are wanted; whoever helps begins with the last.</summary>
    /// <param name="mask">The whole network of the round.</param>
    /// <param name="parts">What is offered; earlier offers are over.</param>
    void Offer(OperationMask mask, IReadOnlyList<RoundPart> parts);

    /// <summary>The ranks of a part, networks x functions; null where nobody has brought them.</summary>
    IReadOnlyList<double[]>? Find(RoundPart part);

    /// <summary>The round is over, and nothing is wanted any more.</summary>
    void End();
}
