// Classifies images over HTTP with a model that samples/ImageSearch saved.
//   PredictApi --model model.zip [--urls http://127.0.0.1:5000] [--MaxBytes 10000000] [--Concurrency 2] ...: see ServiceSettings.cs
//   curl --data-binary @ankle-boot.png http://127.0.0.1:5000/classify
// POST /classify, the body an image file: 200 and the labels with their scores, the most probable first, as JSON. Otherwise a problem:
//   400  an image that is truncated or damaged, or a body whose chunks are malformed
//   408  a body that was not there in time
//   413  a body of more than MaxBytes; refused by its Content-Length before it is read, or when it has grown too long
//   415  a body that is no image
//   422  an image of too many pixels or scans, whatever its length, refused by its header; or one that takes too long to decode
//   503  the service has enough to do; Retry-After says when to come again
// GET /classes: the labels. GET /health: Healthy, or Degraded while images are turned away.
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Console;
using PredictApi;
using ZeroOneShot.ML;

var builder = WebApplication.CreateBuilder(args);
ServiceSettings settings;
try
{
    settings = builder.Configuration.Get<ServiceSettings>() ?? new ServiceSettings();
}
catch (InvalidOperationException e)
{
    return Usage(e.GetBaseException().Message);
}
if (settings.Fault() is { } fault)
    return Usage(fault);
ImageClassifierPool pool;
try
{
    pool = ImageClassifierPool.Load(settings.Model!, new ImageClassifierPoolOptions
    {
        Concurrency = settings.Concurrency + settings.LargeConcurrency, Limits = settings.Limits,
    });
}
catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
using var service = pool;

builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Limits.MaxRequestBodySize = settings.MaxBytes;
    kestrel.Limits.MaxRequestBufferSize = 1 << 17;                          // what is not yet a body in memory, of each client
    kestrel.Limits.MaxConcurrentConnections = 10_000;
});
// A line for each failure, and rather none than a request that waits for the terminal.
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("Microsoft.AspNetCore.Http.Timeouts", LogLevel.Error)
    .AddSimpleConsole(console => console.SingleLine = true);
builder.Services.Configure<ConsoleLoggerOptions>(console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite);
builder.Services.AddSingleton(settings).AddSingleton(service)
    .AddSingleton<Limiters>().AddSingleton<Classification>().AddSingleton<RequestWatch>();
builder.Services.AddRequestTimeouts(timeouts => timeouts.DefaultPolicy = new RequestTimeoutPolicy
{
    Timeout = TimeSpan.FromSeconds(settings.RequestSeconds),
    WriteTimeoutResponse = context => Failure.Of(
        context, StatusCodes.Status408RequestTimeout, $"The request took more than {settings.RequestSeconds} s.").ExecuteAsync(context),
});
builder.Services.AddHealthChecks().Add(new HealthCheckRegistration("turns",
    services => new TurnsCheck(services.GetRequiredService<Limiters>()), null, null));

var app = builder.Build();
var (classification, watch) = (app.Services.GetRequiredService<Classification>(), app.Services.GetRequiredService<RequestWatch>());
app.UseWhen(context => context.Request.Path == "/classify", classify => classify.Use(watch.InvokeAsync));
app.UseRequestTimeouts();
app.MapPost("/classify", classification.ClassifyAsync);
app.MapGet("/classes", () => service.ClassNames);
app.MapHealthChecks("/health");
app.Run();
return 0;

static int Usage(string reason)
{
    Console.Error.WriteLine(reason);
    Console.Error.WriteLine(
        "Usage: PredictApi --model model.zip [--urls http://127.0.0.1:5000] [--MaxBytes 10000000] [--Concurrency 2] ...; the other " +
        "settings stand in ServiceSettings.cs");
    return 2;
}
