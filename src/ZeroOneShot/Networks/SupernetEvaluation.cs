namespace ZeroOneShot.Networks;

/// <summary>How the gradients of a supernet are computed.</summary>
public enum SupernetEvaluation
{
    /// <summary>Cells run backwards one at a time and recompute one operation at a time: a fraction of the memory.</summary>
    Lean,

    /// <summary>Ordinary autograd through <see cref="Supernet.forward"/>: the definition.</summary>
    Plain,
}
