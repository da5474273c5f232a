namespace ZeroOneShot.ZeroShot;

/// <summary>
/// Networks of a pruning round that can be ranked apart from the others: those that lack an operation of some edges, one edge after the
/// other, at one draw of random weights.
/// </summary>
/// <param name="Round">The round, from 0.</param>
/// <param name="Initialization">The draw of random weights, from 0.</param>
/// <param name="First">The first of the networks, from 1: 0 is the whole one.</param>
/// <param name="Count">How many there are.</param>
internal sealed record RoundPart(int Round, int Initialization, int First, int Count);
