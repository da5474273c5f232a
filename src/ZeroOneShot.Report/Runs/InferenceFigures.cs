namespace ZeroOneShot.Report;

/// <summary>What it costs to use a network; null is unknown.</summary>
public sealed record InferenceFigures
{
    /// <summary>Learned numbers.</summary>
    public long? Parameters { get; init; }

    /// <summary>Multiply-adds for one image.</summary>
    public long? MultiplyAdds { get; init; }

    /// <summary>Size of the saved model, in bytes.</summary>
    public long? FileBytes { get; init; }

    /// <summary>Time for one image, one after the other on one thread, in milliseconds; the median of several.</summary>
    public double? Milliseconds { get; init; }
}
