using ZeroOneShot.Layers;

namespace ZeroOneShot.Lean;

/// <summary>
/// Counts how often candidate operations are evaluated: one count a forward run on one batch, and one a backward run. An identity has
/// nothing to evaluate and does not count.
/// </summary>
internal sealed class OperationCounter
{
    private long _evaluations;

    /// <summary>The evaluations so far.</summary>
    public long Evaluations => Interlocked.Read(ref _evaluations);

    /// <summary>Counts an evaluation, or several.</summary>
    public void Add(StateUses.OperationUse use, int times = 1)
    {
        if (use.Module is not IdentityModule)
            Interlocked.Add(ref _evaluations, times);
    }
}
