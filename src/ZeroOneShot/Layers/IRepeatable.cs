namespace ZeroOneShot.Layers;

/// <summary>
/// A module whose forward run changes something, or is random. A search in little memory runs operations twice, forwards and again for
/// their gradients: the second time nothing may change, and what is random must come out as it did the first time.
/// </summary>
/// <remarks>
/// Buffers of modules that are no <see cref="IRepeatable"/> are put back after the second run.
/// </remarks>
public interface IRepeatable
{
    /// <summary>True at first. False while a run only repeats the last one.</summary>
    bool Tracks { get; set; }
}
