namespace ZeroOneShot.ZeroShot;

/// <summary>
/// A function that counts the patterns that units have over so many images as it was made for: once it has seen nearly all there can be,
/// it tells networks apart no more.
/// </summary>
internal interface ICountsPatterns : IRankingFunction
{
    /// <summary>Where the whole network has more of all patterns than that, what an operation adds is hardly seen.</summary>
    const double NearlyAll = 0.9;

    /// <summary>What to do then.</summary>
    const string Advice = "Count on more images (new Swap(images: 32), with a BatchSize of at least as many), or rank with fewer " +
        "Channels, fewer Cells or another function.";

    /// <summary>How many of the patterns that there can be a network has, 0 to 1; 0 where its value does not say.</summary>
    /// <param name="value">Its value.</param>
    /// <param name="batch">Images of the first batch.</param>
    double Share(double value, long batch) => 0;
}
