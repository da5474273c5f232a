namespace ZeroOneShot.ML;

/// <summary>The size of a network that a plan may train.</summary>
/// <param name="Channels">Channels of its first cells.</param>
/// <param name="Cells">Cells.</param>
/// <param name="Stem">Its stem; null for the usual one of the images' size.</param>
internal readonly record struct NetworkSize(int Channels, int Cells, string? Stem);
