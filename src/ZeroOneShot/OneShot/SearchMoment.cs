namespace ZeroOneShot.OneShot;

/// <summary>When in a search a step is taken: what may change in its course, a temperature or a weight, depends on it.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Epochs">Number of epochs; 0 where there are none.</param>
/// <param name="Step">The number of the step in the whole search, from 0.</param>
public readonly record struct SearchMoment(int Epoch, int Epochs, long Step)
{
    /// <summary>The share of epochs that are over: 0 in the first one, below 1 in the last one.</summary>
    public double Progress => Epochs > 0 ? (double)Epoch / Epochs : 0;
}
