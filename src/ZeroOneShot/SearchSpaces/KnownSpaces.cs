namespace ZeroOneShot.SearchSpaces;

/// <content>The spaces that come with the library, and how files tell spaces apart.</content>
public sealed partial class SearchSpace
{
    /// <summary>The spaces that come with the library, that of DARTS first.</summary>
    public static IReadOnlyList<SearchSpace> All => [Darts, DartsS1, DartsS2, DartsS3, DartsS4, DartsLarge, NasBench201];

    /// <summary>The space of a name.</summary>
    /// <param name="name">For example <c>darts</c> or <c>nas-bench-201</c>.</param>
    /// <exception cref="ArgumentException">None that comes with the library is called so; the message lists those there are.</exception>
    public static SearchSpace Named(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return Find(name) ?? throw new ArgumentException(
            $"There is no search space '{name}'; there are {string.Join(", ", All.Select(space => space.Name))}. " +
            "A space of your own is given as an object.", nameof(name));
    }

    /// <summary>What tells the space from another one of its name; null for one of <see cref="All"/>, whose name says all.</summary>
    internal string? Signature => _isOwn ? field ??= SpaceSignature.Of(this) : null;

    /// <summary>Whether it is the same space, or one made of the same parts under the same name.</summary>
    internal bool IsSameAs(SearchSpace other) => ReferenceEquals(this, other) || Difference(other.Name, other.Signature) is null;

    /// <summary>The one rule for a file that names its space: what the file and this space are called, where these differ.</summary>
    /// <param name="name">The name in the file.</param>
    /// <param name="signature">The signature beside it; null where people wrote the file, and the name alone counts.</param>
    /// <returns>Null where the file is of this space.</returns>
    internal (string Found, string Expected)? Difference(string? name, string? signature) =>
        name != Name ? ($"'{name}'", $"'{Name}'")
        : signature is null || signature == Signature ? null
        : ($"'{name}' as it was made of {signature}", $"'{Name}' made of {Signature ?? string.Join(", ", Operations)}");

    /// <summary>The space of a name that comes with the library; null for another.</summary>
    internal static SearchSpace? Find(string name) => All.FirstOrDefault(space => space.Name == name);

    private static string OwnName(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return All.FirstOrDefault(space => space.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is not { } known
            ? name
            : throw new ArgumentException(
                $"A search space of one's own is called '{name}', as one that comes with the library is ('{known.Name}'); give it " +
                "another name, by which masks and models can tell what they are of.", nameof(name));
    }
}
