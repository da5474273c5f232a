namespace ZeroOneShot.Runtime;

/// <summary>A search or a training whose losses or weights are no finite numbers any more.</summary>
/// <param name="message">What diverged, when, and what to do.</param>
public sealed class DivergedException(string message) : InvalidOperationException(message);
