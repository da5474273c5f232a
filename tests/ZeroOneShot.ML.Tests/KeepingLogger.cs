using Microsoft.Extensions.Logging;

namespace ZeroOneShot.ML.Tests;

/// <summary>A logger that keeps what it is told.</summary>
internal sealed class KeepingLogger : ILogger
{
    public List<(LogLevel Level, string Text, IReadOnlyDictionary<string, object?> Values)> Messages { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Messages.Add((logLevel, formatter(state, exception), ((IEnumerable<KeyValuePair<string, object?>>)state!).ToDictionary()));
}
