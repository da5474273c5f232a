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

    /// <summary>
    /// Types, public properties as JSON where they can be written, and numbers, texts and functions in readonly fields and parameters of
    /// primary constructors, also in arrays and lists there, and in those functions. What else a function computes with cannot be seen.
    /// </summary>
    public static string Of(IReadOnlyList<IRankingFunction> functions) =>
        string.Join(", ", functions.Select(function => Of(function, [])));

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
                if ((field.IsInitOnly || field.Name.EndsWith(OfParameter, StringComparison.Ordinal))
                    && Text(field.GetValue(function), seen) is { } text)
                {
                    yield return $"{field.Name}={text}";
                }
            }
        }
    }

    private static string? Text(object? value, HashSet<object> seen) => value switch
    {
        IRankingFunction inner => $"({Of(inner, seen)})",
        nint or nuint => null,
        string or decimal or Enum => string.Create(CultureInfo.InvariantCulture, $"{value}"),
        IList several => $"[{string.Join(", ", several.Cast<object?>().Select(one => Text(one, seen)))}]",
        _ => value?.GetType().IsPrimitive == true ? string.Create(CultureInfo.InvariantCulture, $"{value}") : null,
    };
}
