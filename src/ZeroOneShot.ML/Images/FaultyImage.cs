namespace ZeroOneShot.ML;

/// <summary>An image that was left out.</summary>
/// <param name="Path">Where it was found: its path, or the number of its row, counted from 0.</param>
/// <param name="Fault">Why it was left out.</param>
/// <param name="Message">The same as a sentence; of a file that was to be moved and could not be, also why.</param>
/// <param name="MovedTo">Where it is now; null where it stayed.</param>
public sealed record FaultyImage(string Path, ImageFault Fault, string Message, string? MovedTo);
