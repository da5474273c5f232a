using ZeroOneShot.ML;

namespace PredictApi;

/// <summary>From a request with an image to an answer with its classes.</summary>
internal sealed class Classification(ImageClassifierPool pool, Limiters limiters, ServiceSettings settings)
{
    private readonly ImageLimits _limits = settings.Limits;

    public async Task<IResult> ClassifyAsync(HttpContext context, CancellationToken cancellationToken)
    {
        try
        {
            using var body = await HeldBody.ReadAsync(context.Request.Body, limiters, cancellationToken);
            if (body is null)
                return Busy(context, "The service holds as many bytes of images as it may.");
            // Refused by its header, an image takes nobody's turn.
            var header = ImageFile.ReadHeader(body.Bytes, limits: _limits);
            using var turn = await limiters.TurnAsync(header, cancellationToken);
            return turn.IsAcquired
                ? Results.Ok(await pool.ClassifyAsync(body.Bytes, cancellationToken))
                : Busy(context, "As many images wait as may.");
        }
        catch (BadHttpRequestException e)
        {
            return Failure.Of(context, e.StatusCode, e.Message);
        }
        catch (ImageFaultException e)
        {
            return Failure.Of(context, e.Fault switch
            {
                ImageFault.NotAnImage => StatusCodes.Status415UnsupportedMediaType,
                ImageFault.TooLarge or ImageFault.TooSlow => StatusCodes.Status422UnprocessableEntity,
                _ => StatusCodes.Status400BadRequest,
            }, e.Message);
        }
        catch (IOException e) when (!context.RequestAborted.IsCancellationRequested)
        {
            return Failure.Of(context, StatusCodes.Status400BadRequest, e.Message);        // a chunk too long to be counted, for example
        }
    }

    private static IResult Busy(HttpContext context, string reason)
    {
        context.Response.Headers.RetryAfter = "1";                          // seconds
        return Failure.Of(context, StatusCodes.Status503ServiceUnavailable, $"{reason} Send it again later.");
    }
}
