namespace ZeroOneShot.SearchSpaces;

/// <summary>How the modules of cells are called, as in the public PyTorch code of a space.</summary>
/// <param name="MixedEdges">The list of a search cell's edges.</param>
/// <param name="EdgesByEnds">Whether an edge of it is called <c>2&lt;-0</c>, after its states, or by its number.</param>
/// <param name="Operations">The list of a mixed operation's operations; null: they are its own modules.</param>
/// <param name="ChosenEdges">The list of an evaluation cell's edges.</param>
internal sealed record ModuleNames(string MixedEdges, bool EdgesByEnds, string? Operations, string ChosenEdges)
{
    public static ModuleNames Darts { get; } = new("_ops", EdgesByEnds: false, "_ops", "_ops");

    public static ModuleNames NasBench201 { get; } = new("edges", EdgesByEnds: true, null, "layers");
}
