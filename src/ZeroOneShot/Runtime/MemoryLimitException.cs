namespace ZeroOneShot.Runtime;

/// <summary>A limit of memory that not even the smallest plan or batch keeps to.</summary>
/// <param name="message">The limit, what is needed, and what to do.</param>
public sealed class MemoryLimitException(string message) : ArgumentException(message);
