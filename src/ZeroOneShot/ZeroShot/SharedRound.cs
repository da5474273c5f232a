using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// A round of which others may do a part: once the first edge has shown that the rest takes long, it is offered, and what they bring is not
/// ranked here. Nobody is waited for: what is not there when its turn comes is done here.
/// </summary>
/// <param name="share">The others.</param>
/// <param name="mask">The whole network of the round.</param>
/// <param name="round">The round, from 0.</param>
/// <param name="initializations">Draws of random weights.</param>
/// <param name="time">The clock.</param>
internal sealed class SharedRound(IRoundShare share, OperationMask mask, int round, int initializations, TimeProvider time) : IDisposable
{
    // A part is worth a process of its own, and so short that a helper who dies costs little.
    private const int PartsOfWorth = 4;

    // From the first network of each edge on, how many there are.
    private readonly (int First, int Count)[] _edges = [.. mask.AllLive.Index()
        .GroupBy(at => (at.Item.Kind, at.Item.Edge)).Select(edge => (edge.First().Index + 1, edge.Count()))];

    private readonly long _begin = time.GetTimestamp();
    private RoundPart[] _parts = [];
    private (RoundPart Part, IReadOnlyList<double[]> Ranks)? _found;
    private int _measured;
    private bool _isOffered;

    /// <summary>The ranks of a network, where others have brought them.</summary>
    public double[]? Find(int initialization, int network)
    {
        if (_found is not { } found || !IsIn(found.Part))
        {
            if (_parts.FirstOrDefault(IsIn) is not { } part || share.Find(part) is not { } ranks)
                return null;
            _found = found = (part, ranks);
        }
        return found.Ranks[network - found.Part.First];

        bool IsIn(RoundPart part) =>
            part.Initialization == initialization && network >= part.First && network < part.First + part.Count;
    }

    /// <summary>A network was ranked here.</summary>
    public void Measured(int initialization, int network)
    {
        _measured++;
        if (_isOffered || !_edges.Any(edge => network == edge.First + edge.Count - 1))
            return;
        var each = time.GetElapsedTime(_begin) / _measured;
        var left = Left(initialization, network, (int)Math.Clamp(share.Worth / PartsOfWorth / each, 1, int.MaxValue)).ToArray();
        if (left.Sum(part => part.Count) * each < share.Worth || left.Length == 0)
            return;
        share.Offer(mask, _parts = left);
        _isOffered = true;
    }

    /// <summary>Nothing is wanted any more.</summary>
    public void Dispose()
    {
        if (_isOffered)
            share.End();
    }

    /// <summary>What follows a network, in parts of whole edges with so many networks at least.</summary>
    private IEnumerable<RoundPart> Left(int initialization, int network, int least)
    {
        for (var draw = initialization; draw < initializations; draw++)
        {
            var (first, count) = (0, 0);
            foreach (var edge in _edges.Where(edge => draw > initialization || edge.First > network))
            {
                first = count == 0 ? edge.First : first;
                count += edge.Count;
                if (count < least)
                    continue;
                yield return new RoundPart(round, draw, first, count);
                count = 0;
            }
            if (count > 0)
                yield return new RoundPart(round, draw, first, count);
        }
    }
}
