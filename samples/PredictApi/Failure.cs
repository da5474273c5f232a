namespace PredictApi;

/// <summary>Why a request failed, for the line in the log.</summary>
internal sealed record Failure(string Reason)
{
    /// <summary>An answer with a problem, of which the log will tell.</summary>
    public static IResult Of(HttpContext context, int status, string reason)
    {
        context.Features.Set(new Failure(reason));
        return Results.Problem(reason, statusCode: status);
    }
}
