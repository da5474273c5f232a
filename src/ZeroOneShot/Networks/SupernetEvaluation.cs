namespace ZeroOneShot.Networks;

/// <summary>How the gradients of a supernet are computed.</summary>
public enum SupernetEvaluation
{
    /// <summary>
    /// <see cref="Lean"/> on the processor, where it is the faster one too. A search on a GPU takes a few steps of each before it begins,
    /// and goes on with the one that took less time; with <see cref="Lean"/> where memory does not suffice for <see cref="Plain"/>, or is
    /// limited.
    /// </summary>
    Automatic,

    /// <summary>Cells run backwards one at a time and recompute one operation at a time: a fraction of the memory.</summary>
    Lean,

    /// <summary>Ordinary autograd through <see cref="Supernet.forward"/>: the definition.</summary>
    Plain,
}
