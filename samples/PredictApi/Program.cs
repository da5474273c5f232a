// Classifies images over HTTP with a model that samples/ImageSearch saved.
//   PredictApi --model model.zip [--urls http://127.0.0.1:5000] [--MaxBytes 10000000] [--Concurrency 2]
//   curl --data-binary @ankle-boot.png http://127.0.0.1:5000/classify
// POST /classify, the body an image file: 200 and the labels with their scores, the most probable first, as JSON. Otherwise a problem:
//   400  an image that is truncated or damaged
//   413  a body of more than MaxBytes; refused by its Content-Length before it is read, or when it has grown too long
//   415  a body that is no image
//   422  an image of more than 8,192 pixels a side or 64 megapixels, whatever its length; refused by its header before it is decoded
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
if (settings.Model is null)
    return Usage("There is no --model.");
if (settings.MaxBytes < 1 || settings.Concurrency < 1)
    return Usage($"MaxBytes is {settings.MaxBytes} and Concurrency {settings.Concurrency}; expected at least 1.");
ImageClassifierPool pool;
try
{
    pool = ImageClassifierPool.Load(settings.Model, new ImageClassifierPoolOptions { Concurrency = settings.Concurrency });
}
catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = settings.MaxBytes);
using var service = pool;
var app = builder.Build();
app.MapGet("/classes", () => service.ClassNames);
app.MapPost("/classify", async (HttpRequest request, CancellationToken cancellationToken) =>
{
    try
    {
        return Results.Ok(await service.ClassifyAsync(request.Body, cancellationToken));
    }
    catch (BadHttpRequestException e)
    {
        return Results.Problem(e.Message, statusCode: e.StatusCode);
    }
    catch (ImageFaultException e)
    {
        return Results.Problem(e.Message, statusCode: e.Fault switch
        {
            ImageFault.NotAnImage => StatusCodes.Status415UnsupportedMediaType,
            ImageFault.TooLarge => StatusCodes.Status422UnprocessableEntity,
            _ => StatusCodes.Status400BadRequest,
        });
    }
});
app.Run();
return 0;

static int Usage(string reason)
{
    Console.Error.WriteLine(reason);
    Console.Error.WriteLine("Usage: PredictApi --model model.zip [--urls http://127.0.0.1:5000] [--MaxBytes 10000000] [--Concurrency 2]");
    return 2;
}
