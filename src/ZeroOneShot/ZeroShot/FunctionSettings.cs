using System.Text.Json;

namespace ZeroOneShot.ZeroShot;

/// <summary>What a checkpoint keeps of ranking functions beside their names: two of one name may be set differently.</summary>
internal static class FunctionSettings
{
    /// <summary>Types and public properties, as JSON; of a function whose properties cannot be written, its type alone.</summary>
    public static string Of(IReadOnlyList<IRankingFunction> functions) => string.Join(", ", functions.Select(function =>
    {
        var type = function.GetType();
        try
        {
            return $"{type.FullName} {JsonSerializer.Serialize(function, type)}";
        }
        catch (Exception e) when (e is NotSupportedException or InvalidOperationException or JsonException)
        {
            return type.FullName;
        }
    }));
}
