namespace ZeroOneShot.Runtime;

/// <summary>A training whose losses or weights are no finite numbers any more.</summary>
internal sealed class DivergedException(string message) : InvalidOperationException(message);
