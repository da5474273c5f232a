using Microsoft.ML.Runtime;

namespace ZeroOneShot.ML;

/// <summary>Errors about columns, of ML.NET's own exception type and in its own words, with a hint added where there is one.</summary>
internal static class SchemaErrors
{
    private const string Parameter = "inputSchema";

    public static Exception NotFound(IExceptionContext context, string role, string column, string hint = "") =>
        context.Process(new ArgumentOutOfRangeException(
            Parameter, $"Could not find {role} column '{column}'{(hint.Length > 0 ? ". " + hint : "")}"));

    public static Exception Mismatch(
        IExceptionContext context, string role, string column, string expected, string actual, string hint = "") =>
        context.Process(new ArgumentOutOfRangeException(Parameter,
            $"Schema mismatch for {role} column '{column}': expected {expected}, got {actual}{(hint.Length > 0 ? ". " + hint : "")}"));
}
