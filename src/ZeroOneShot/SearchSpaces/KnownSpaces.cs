namespace ZeroOneShot.SearchSpaces;

/// <content>The spaces that come with the library.</content>
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
        return All.FirstOrDefault(space => space.Name == name) ?? throw new ArgumentException(
            $"There is no search space '{name}'; there are {string.Join(", ", All.Select(space => space.Name))}. " +
            "A space of your own is given as an object.", nameof(name));
    }
}
