namespace ZeroOneShot.SearchSpaces;

/// <summary>A chosen edge of a cell.</summary>
/// <param name="Operation">The name of its operation.</param>
/// <param name="Input">The state it comes from: 0 and 1 are the cell's inputs, 2 the first intermediate node, and so on.</param>
public readonly record struct GenotypeEdge(string Operation, int Input);
