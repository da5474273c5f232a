using CsCheck;

namespace ZeroOneShot.Tests.SearchSpaces;

/// <summary>Texts with a few characters lost, doubled, replaced or put in.</summary>
internal static class Mutated
{
    private static readonly string[] s_inserted =
    [
        "99999999999", "-1", "2147483647", "1e400", "(", ")", "[", "]", "{", "}", ",", ":", "\"", "'", "=",
        "range(0, 2147483647)", "null", "true", "\\ud800", "\ud800", "\0", "٣", "none", "normal", "reduce",
        "\"space\":\"darts\",", "\"normal\":1,", " ", "\n",
    ];

    /// <summary>A text after 1 to 5 changes.</summary>
    public static Gen<string> Of(Gen<string> texts) =>
        Gen.Select(texts, Change.Array[1, 5], (text, changes) => changes.Aggregate(text, Apply));

    private static Gen<(int Kind, double Place, int Length, int Inserted)> Change { get; } =
        Gen.Select(Gen.Int[0, 3], Gen.Double.Unit, Gen.Int[1, 12], Gen.Int[0, s_inserted.Length - 1]);

    private static string Apply(string text, (int Kind, double Place, int Length, int Inserted) change)
    {
        var at = (int)(change.Place * text.Length);
        var length = Math.Min(change.Length, text.Length - at);
        return change.Kind switch
        {
            0 => text.Remove(at, length),
            1 => text.Insert(at, text.Substring(at, length)),
            2 => text.Remove(at, length).Insert(at, s_inserted[change.Inserted]),
            _ => text.Insert(at, s_inserted[change.Inserted]),
        };
    }
}
