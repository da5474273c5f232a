namespace ZeroOneShot.SearchSpaces;

/// <summary>The two kinds of cells. All cells of one kind share one architecture.</summary>
public enum CellKind
{
    /// <summary>Keeps the image size.</summary>
    Normal,

    /// <summary>Halves the image size: edges from the cell's inputs have stride 2.</summary>
    Reduction,
}
