namespace ZeroOneShot.SearchSpaces;

/// <summary>An edge of a cell's graph.</summary>
/// <param name="From">The state it comes from: the cell's inputs first, then the intermediate nodes.</param>
/// <param name="Node">The intermediate node (0-based) it goes to.</param>
public readonly record struct CellEdge(int From, int Node);
