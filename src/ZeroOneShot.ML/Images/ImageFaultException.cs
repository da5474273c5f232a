namespace ZeroOneShot.ML;

/// <summary>An image was refused.</summary>
/// <param name="fault">Why.</param>
/// <param name="message">The same as a sentence, with the image's name, what was expected and what to do.</param>
/// <param name="cause">What reading it threw, where that is the reason.</param>
public sealed class ImageFaultException(ImageFault fault, string message, Exception? cause = null) : IOException(message, cause)
{
    /// <summary>Why the image was refused.</summary>
    public ImageFault Fault => fault;
}
