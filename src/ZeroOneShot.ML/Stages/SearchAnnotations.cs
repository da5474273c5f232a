namespace ZeroOneShot.ML;

/// <summary>
/// The annotations of the pixel column by which the stages hand on their results, as ML.NET hands on key values. All are of type Text.
/// </summary>
public static class SearchAnnotations
{
    /// <summary>The mask, as <see cref="SearchSpaces.OperationMask.ToJson"/> writes it. Set by pruning and by the search.</summary>
    public const string SearchSpaceMask = nameof(SearchSpaceMask);

    /// <summary>
    /// The found architecture, as <see cref="SearchSpaces.Genotype.ToJson"/> writes it. Set by the search, and by a pruning that leaves one
    /// operation per edge.
    /// </summary>
    public const string Genotype = nameof(Genotype);

    /// <summary>The name of the method that pruning or search followed; absent where none was named.</summary>
    public const string SearchMethod = nameof(SearchMethod);

    /// <summary>
    /// Set beside <see cref="SearchMethod"/>, to the same name, where the method is one of the user's own: a search then needs the method
    /// itself, of which only the name is handed on.
    /// </summary>
    public const string OwnSearchMethod = nameof(OwnSearchMethod);

    /// <summary>A JSON object with the settings of the stages so far: <c>prune</c> and <c>search</c>.</summary>
    public const string SearchSettings = nameof(SearchSettings);
}
