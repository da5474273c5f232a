using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.WebUtilities;

namespace PredictApi;

/// <summary>Measures what becomes of requests to classify, and writes a line for each that fails.</summary>
/// <remarks>
/// Instruments of the meter <c>PredictApi</c>, beside those of ASP.NET Core and .NET, for dotnet-counters, OpenTelemetry or any other
/// listener:
/// <list type="table">
/// <item><term>predict.requests</term><description>
/// requests, by <c>outcome</c>: the status, or <c>aborted</c> by the client
/// </description></item>
/// <item><term>predict.duration</term><description>seconds from the head of the request to its answer, by outcome</description></item>
/// <item><term>predict.waiting</term><description>images that wait for their turn, by <c>size</c>: small or large</description></item>
/// <item><term>predict.bytes_held</term><description>bytes of bodies in memory</description></item>
/// </list>
/// </remarks>
internal sealed partial class RequestWatch
{
    public const string MeterName = "PredictApi";

    private readonly Counter<long> _requests;
    private readonly Histogram<double> _duration;
    private readonly ILogger<RequestWatch> _log;

    public RequestWatch(IMeterFactory meters, Limiters limiters, ILogger<RequestWatch> log)
    {
        var meter = meters.Create(MeterName);
        _requests = meter.CreateCounter<long>("predict.requests", "{request}", "Requests to classify an image");
        _duration = meter.CreateHistogram<double>("predict.duration", "s", "From the head of a request to its answer");
        meter.CreateObservableUpDownCounter("predict.waiting", () => new[]
        {
            new Measurement<long>(limiters.SmallWaiting, new KeyValuePair<string, object?>("size", "small")),
            new Measurement<long>(limiters.LargeWaiting, new KeyValuePair<string, object?>("size", "large")),
        }, "{image}", "Images that wait for their turn");
        meter.CreateObservableUpDownCounter("predict.bytes_held", () => limiters.BytesHeld, "By", "Bytes of bodies in memory");
        _log = log;
    }

    /// <summary>The middleware.</summary>
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var start = Stopwatch.GetTimestamp();
        Exception? fault = null;
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to be answered.
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            fault = e;
            await Failure.Of(context, StatusCodes.Status500InternalServerError, "The service failed.").ExecuteAsync(context);
        }
        var taken = Stopwatch.GetElapsedTime(start);
        object outcome = context.RequestAborted.IsCancellationRequested ? "aborted" : context.Response.StatusCode;
        var tag = new KeyValuePair<string, object?>("outcome", outcome);
        _requests.Add(1, tag);
        _duration.Record(taken.TotalSeconds, tag);
        if (fault is not null)
            LogFault(fault, taken.TotalMilliseconds);
        else if (outcome is not StatusCodes.Status200OK)
            LogFailure(outcome, taken.TotalMilliseconds, ReasonOf(context));
    }

    private static string ReasonOf(HttpContext context) => context.Features.Get<Failure>()?.Reason
        ?? (context.RequestAborted.IsCancellationRequested
            ? "The client has gone." : $"{ReasonPhrases.GetReasonPhrase(context.Response.StatusCode)}.");

    [LoggerMessage(LogLevel.Warning, "{Outcome} after {Milliseconds:0} ms: {Reason}")]
    private partial void LogFailure(object outcome, double milliseconds, string reason);

    [LoggerMessage(LogLevel.Error, "500 after {Milliseconds:0} ms")]
    private partial void LogFault(Exception fault, double milliseconds);
}
