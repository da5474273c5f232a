using ZeroOneShot.ML;

namespace PredictApi;

/// <summary>From the command line, the environment or appsettings.json.</summary>
internal sealed record ServiceSettings
{
    /// <summary>A model that ML.NET saved.</summary>
    public string? Model { get; init; }

    /// <summary>The longest body that is read.</summary>
    public int MaxBytes { get; init; } = 10_000_000;

    /// <summary>The most bytes of bodies in memory at a time, of all clients together; at least twice MaxBytes.</summary>
    public long MaxBytesHeld { get; init; } = 128_000_000;

    /// <summary>The most pixels of an image.</summary>
    public long MaxPixels { get; init; } = 25_000_000;

    /// <summary>The longest that an image may take to decode.</summary>
    public double DecodeSeconds { get; init; } = 2;

    /// <summary>The longest that a request may take, above all to send its body.</summary>
    public double RequestSeconds { get; init; } = 30;

    /// <summary>The short side, in pixels, that a JPEG or WebP keeps when it is reduced while it is decoded.</summary>
    public int ReduceTo { get; init; } = 512;

    /// <summary>The most images that are decoded and scored at a time.</summary>
    public int Concurrency { get; init; } = Environment.ProcessorCount;

    /// <summary>The most images that wait for their turn.</summary>
    public int Queue { get; init; } = 64;

    /// <summary>
    /// From how many pixels, times scans, an image is large: large ones wait for one another, and small ones not for them.
    /// </summary>
    public long LargePixels { get; init; } = 2_000_000;

    /// <summary>The most large images that are decoded at a time, beside the small ones.</summary>
    public int LargeConcurrency { get; init; } = 1;

    /// <summary>The most large images that wait for their turn.</summary>
    public int LargeQueue { get; init; } = 8;

    public ImageLimits Limits => new()
    {
        MostBytes = MaxBytes, MostPixels = MaxPixels, MostTime = TimeSpan.FromSeconds(DecodeSeconds), ReduceTo = ReduceTo,
    };

    /// <summary>What is wrong with them; null for nothing.</summary>
    public string? Fault()
    {
        if (Model is null)
            return "There is no --model.";
        const double aDay = 86_400, any = double.MaxValue;
        (string Name, double Value, double Least, double Most)[] numbers =
        [
            (nameof(MaxBytes), MaxBytes, 1, any), (nameof(MaxBytesHeld), MaxBytesHeld, 2.0 * MaxBytes, any),
            (nameof(MaxPixels), MaxPixels, 1, any), (nameof(DecodeSeconds), DecodeSeconds, 0.001, aDay),
            (nameof(RequestSeconds), RequestSeconds, 0.001, aDay), (nameof(ReduceTo), ReduceTo, 1, any),
            (nameof(Concurrency), Concurrency, 1, any), (nameof(Queue), Queue, 0, any), (nameof(LargePixels), LargePixels, 1, any),
            (nameof(LargeConcurrency), LargeConcurrency, 1, any), (nameof(LargeQueue), LargeQueue, 0, any),
        ];
        // (NaN is not at least anything.)
        return numbers.Where(number => !(number.Value >= number.Least && number.Value <= number.Most))
            .Select(number => FormattableString.Invariant($"{number.Name} is {number.Value}; expected at least {number.Least}") +
                (number.Most < any ? FormattableString.Invariant($" and at most {number.Most}.") : "."))
            .FirstOrDefault();
    }
}
