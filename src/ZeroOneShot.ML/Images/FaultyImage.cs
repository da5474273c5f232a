namespace ZeroOneShot.ML;

/// <summary>An image that was left out.</summary>
/// <param name="path"><see cref="Path"/>.</param>
/// <param name="fault"><see cref="Fault"/>.</param>
/// <param name="message"><see cref="Message"/>.</param>
/// <param name="movedTo"><see cref="MovedTo"/>.</param>
public sealed class FaultyImage(string path, ImageFault fault, string message, string? movedTo)
{
    /// <summary>Where it was found: its path, or the number of its row, counted from 0.</summary>
    public string Path { get; } = path;

    /// <summary>Why it was left out.</summary>
    public ImageFault Fault { get; } = fault;

    /// <summary>The same as a sentence; of a file that was to be moved and could not be, also why.</summary>
    public string Message { get; } = message;

    /// <summary>Where it is now; null where it stayed.</summary>
    public string? MovedTo { get; } = movedTo;
}
