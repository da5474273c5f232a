namespace ZeroOneShot.ZeroShot;

/// <summary>An edge of a cell, and what runs on it.</summary>
/// <param name="From">The state that it reads.</param>
/// <param name="Node">The node, from 0, that it goes to.</param>
/// <param name="Live">How many operations run on it that do not give zeros.</param>
/// <param name="Identities">How many of them pass on what they get.</param>
internal readonly record struct CellConnection(int From, int Node, int Live, int Identities);
