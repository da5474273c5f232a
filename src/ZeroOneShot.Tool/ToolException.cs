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
        DllNotFoundException or EntryPointNotFoundException or BadImageFormatException => ExitCode.NativeLibrary,
        DivergedException => ExitCode.Diverged,
        OutOfMemoryException or MemoryLimitException => ExitCode.Memory,
        ImageFaultException => ExitCode.Data,
        InvalidDataException when otherwise is ExitCode.Arguments => ExitCode.RefusedFile,     // a checkpoint of another run
        ArgumentException or FormatException or InvalidDataException or InvalidOperationException => otherwise,
        FileNotFoundException or DirectoryNotFoundException when otherwise is not ExitCode.Arguments => otherwise,
        IOException or UnauthorizedAccessException => otherwise is ExitCode.Arguments ? ExitCode.Failed : otherwise,
        _ => null,
    };

    /// <summary>
    /// What went wrong: ML.NET reads rows on several threads, and wraps what goes wrong there; and a native library that is missing is
    /// found where it is first called, whatever that is for.
    /// </summary>
    public static Exception Cause(Exception e) => Library(e) ?? e switch
    {
        AggregateException or TargetInvocationException when e.InnerException is { } inner => Cause(inner),
        InvalidOperationException { InnerException: { } inner } when e.Message.StartsWith("Splitter", StringComparison.Ordinal) =>
            Cause(inner),
        _ => e,
    };

    private static Exception? Library(Exception? e) =>
        e is null or DllNotFoundException or EntryPointNotFoundException or BadImageFormatException ? e : Library(e.InnerException);

    /// <summary>The message without what .NET adds for programmers.</summary>
    public static string Sentence(Exception e)
    {
        if (e is DllNotFoundException && e.Message.Contains(Advice, StringComparison.Ordinal))
            return Loading(e.Message);
        if (e is IOException && (e.HResult & 0xffff) is NoSpaceOnUnix or NoSpaceOnWindows)
            return $"The disk is full: {e.Message.TrimEnd('.')}. Make room there, or write to another folder.";
        var end = e is ArgumentException ? e.Message.IndexOf(" (Parameter '", StringComparison.Ordinal) : -1;
        return end < 0 ? e.Message : e.Message[..end];
    }

    private const int NoSpaceOnUnix = 28, NoSpaceOnWindows = 0x70;

    // Between the name of the library and the places where it was looked for.
    private const string Advice = " In order to help diagnose loading problems";

    // Which places have no such file says nothing; that one has it but cannot use it, or what it needs itself, does.
    private static string Loading(string message)
    {
        string[] tried = [.. message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Skip(1)];
        var why = tried.Where(line => !(Path.IsPathRooted(line) && line.EndsWith("No such file or directory", StringComparison.Ordinal)));
        return string.Join(' ', why.Prepend(message[..message.IndexOf(Advice, StringComparison.Ordinal)]));
    }
}
