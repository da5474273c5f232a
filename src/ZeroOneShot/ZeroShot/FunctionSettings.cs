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
    /// Types, public properties as JSON where they can be written, and numbers and texts in readonly fields and parameters of primary
    /// constructors, also those of a function in a function. What else a function computes with cannot be seen.
    /// </summary>
    public static string Of(IReadOnlyList<IRankingFunction> functions) => string.Join(", ", functions.Select(Of));

    private static string Of(IRankingFunction function)
    {
        var type = function.GetType();
        return string.Join(' ', Kept(function).Prepend(Properties(function, type)).Prepend(type.FullName).Where(part => part is not null));
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

    private static IEnumerable<string> Kept(IRankingFunction function)
    {
        for (var type = function.GetType(); type is not null; type = type.BaseType)
        {
            foreach (var field in type.GetFields(Own).OrderBy(field => field.Name, StringComparer.Ordinal))
            {
                if (!field.IsInitOnly && !field.Name.EndsWith(OfParameter, StringComparison.Ordinal))
                    continue;
                var value = field.GetValue(function);
                if (value is IRankingFunction inner && !ReferenceEquals(inner, function))
                    yield return $"{field.Name}=({Of(inner)})";
                else if (value is string or decimal or Enum || value?.GetType().IsPrimitive == true)
                    yield return string.Create(CultureInfo.InvariantCulture, $"{field.Name}={value}");
            }
        }
    }
}
