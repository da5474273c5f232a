namespace ZeroOneShot.Yardstick;

/// <summary>What a surrogate's file holds beside the ML.NET model.</summary>
/// <param name="Version">Of this record.</param>
/// <param name="Space">The name of the search space.</param>
/// <param name="Features">How many features the model was trained on: those of another version of this library are other ones.</param>
/// <param name="Intervals">See <see cref="ErrorModel"/>.</param>
/// <param name="Errors">See <see cref="AccuracySurrogate.Errors"/>.</param>
/// <param name="RandomGenotypes">The quantiles of <see cref="AccuracySurrogate.RandomGenotypes"/>.</param>
/// <param name="Measured">The quantiles of <see cref="AccuracySurrogate.Measured"/>.</param>
internal sealed record SurrogateFacts(
    int Version, string Space, int Features, ErrorModel Intervals, SurrogateErrors Errors, double[] RandomGenotypes, double[] Measured);
