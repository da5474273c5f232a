using System.Reflection;
using ZeroOneShot.ML;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tool;

/// <summary>The end of a command: a sentence for the reader, and a number for scripts.</summary>
internal sealed class ToolException(ExitCode code, string message) : Exception(message)
{
    public ExitCode Code { get; } = code;

    /// <summary>Does something, and says of what goes wrong in it which code it means where the error does not say so itself.</summary>
    public static T Within<T>(ExitCode code, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (Cause(e) is not (ToolException or OperationCanceledException) && CodeOf(Cause(e), code) is { } known)
        {
            throw new ToolException(known, Sentence(Cause(e)));
        }
    }

    /// <inheritdoc cref="Within{T}"/>
    public static void Within(ExitCode code, Action work) => Within(code, () =>
    {
        work();
        return true;
    });

    /// <summary>The code of an error; null for one that nobody expects, which is a fault of this program.</summary>
    public static ExitCode? CodeOf(Exception cause, ExitCode otherwise) => cause switch
    {
        ToolException tool => tool.Code,
        DllNotFoundException => ExitCode.NativeLibrary,
        DivergedException => ExitCode.Diverged,
        OutOfMemoryException or MemoryLimitException => ExitCode.Memory,
        ImageFaultException => ExitCode.Data,
        InvalidDataException when otherwise is ExitCode.Arguments => ExitCode.RefusedFile,     // a checkpoint of another run
        ArgumentException or FormatException or InvalidDataException or InvalidOperationException => otherwise,
        FileNotFoundException or DirectoryNotFoundException when otherwise is not ExitCode.Arguments => otherwise,
        IOException or UnauthorizedAccessException => otherwise is ExitCode.Arguments ? ExitCode.Failed : otherwise,
        _ => null,
    };

    /// <summary>ML.NET reads rows on several threads, and wraps what goes wrong there.</summary>
    public static Exception Cause(Exception e) => e switch
    {
        AggregateException or TargetInvocationException when e.InnerException is { } inner => Cause(inner),
        InvalidOperationException { InnerException: { } inner } when e.Message.StartsWith("Splitter", StringComparison.Ordinal) =>
            Cause(inner),
        _ => e,
    };

    /// <summary>The message without what .NET adds for programmers.</summary>
    public static string Sentence(Exception e)
    {
        var end = e is ArgumentException ? e.Message.IndexOf(" (Parameter '", StringComparison.Ordinal) : -1;
        return end < 0 ? e.Message : e.Message[..end];
    }
}
