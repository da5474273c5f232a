namespace ZeroOneShot.OneShot;

/// <summary>An edge that a reading names, where a node may have any number of them.</summary>
/// <param name="Operation">The name of its operation.</param>
/// <param name="Node">The state it goes to: 2 is the first intermediate node.</param>
/// <param name="Input">The state it comes from: 0 and 1 are the cell's inputs.</param>
public readonly record struct ReadEdge(string Operation, int Node, int Input);
