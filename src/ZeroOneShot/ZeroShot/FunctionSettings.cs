using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Json;

namespace ZeroOneShot.ZeroShot;

/// <summary>What a checkpoint keeps of ranking functions beside their names: two of one name may be set differently.</summary>
internal static class FunctionSettings
{
    private const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    // How the compiler ends the name of a field that holds a parameter of a primary constructor.
    private const string OfParameter = ">P";

    private const int LongestList = 1000;

    /// <summary>
    /// Types, public properties as JSON where they can be written, and numbers, texts and functions in readonly fields and parameters of
    /// primary constructors, of the latter short lists too, and the same of those functions. What else a function computes with cannot be
    /// seen; lists in fields may be what it works with.
    /// </summary>
    public static string Of(IReadOnlyList<IRankingFunction> functions) =>
        string.Join(", ", functions.Select(function => Of(function, new(ReferenceEqualityComparer.Instance))));

    private static string Of(IRankingFunction function, HashSet<object> seen)
    {
        var type = function.GetType();
        return string.Join(' ', Kept(function, seen).Prepend(Properties(function, type)).Prepend(type.FullName)
            .Where(part => part is not null));
    }

    private static string? Properties(IRankingFunction function, Type type)
    {
        try
        {
            return JsonSerializer.Serialize(function, type);
        }
        catch (Exception e) when (e is NotSupportedException or InvalidOperationException or JsonException or ArgumentException)
        {
            return null;
        }
    }

    private static IEnumerable<string> Kept(IRankingFunction function, HashSet<object> seen)
    {
        if (!seen.Add(function))
            yield break;
        for (var type = function.GetType(); type is not null; type = type.BaseType)
        {
            foreach (var field in type.GetFields(Own).OrderBy(field => field.Name, StringComparer.Ordinal))
            {
                var isParameter = field.Name.EndsWith(OfParameter, StringComparison.Ordinal);
                if ((isParameter || field.IsInitOnly) && Text(field.GetValue(function), isParameter, seen) is { } text)
                    yield return $"{field.Name}={text}";
            }
        }
    }

    private static string? Text(object? value, bool isParameter, HashSet<object> seen) => value switch
    {
        IRankingFunction inner => $"({Of(inner, seen)})",
        nint or nuint => null,
        string or decimal or Enum => string.Create(CultureInfo.InvariantCulture, $"{value}"),
        IList list when isParameter && !value.GetType().IsValueType && list.Count <= LongestList =>
            $"[{string.Join(", ", list.Cast<object?>().Select(one => Text(one, isParameter: false, seen)))}]",
        _ => value?.GetType().IsPrimitive == true ? string.Create(CultureInfo.InvariantCulture, $"{value}") : null,
    };
}
