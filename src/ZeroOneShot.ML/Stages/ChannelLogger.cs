using Microsoft.Extensions.Logging;
using Microsoft.ML.Runtime;

namespace ZeroOneShot.ML;

/// <summary>Sends messages to the log of the MLContext, and to another logger as well.</summary>
/// <param name="channel">What leads to the log of the MLContext.</param>
/// <param name="other">The other logger; null for none.</param>
internal sealed class ChannelLogger(IChannel channel, ILogger? other) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => other?.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var message = formatter(state, exception);
        if (logLevel >= LogLevel.Warning)
            channel.Warning(MessageSensitivity.Schema, "{0}", message);
        else
            channel.Info(MessageSensitivity.Schema, "{0}", message);
        if (other?.IsEnabled(logLevel) == true)
            other.Log(logLevel, eventId, state, exception, formatter);
    }
}
