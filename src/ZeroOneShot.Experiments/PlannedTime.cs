namespace ZeroOneShot.Experiments;

/// <summary>How long a run will take on this machine, by the time of single steps.</summary>
/// <param name="Data">The data's name.</param>
/// <param name="Space">The search space's name.</param>
/// <param name="Method">The method's name.</param>
/// <param name="PruneSeconds">Pruning; 0 where nothing is ranked.</param>
/// <param name="SearchSeconds">Search; 0 where nothing is searched.</param>
/// <param name="TrainSeconds">Training of the found network, of convolutions for the most part: most found ones take less.</param>
public sealed record PlannedTime(
    string Data, string Space, string Method, double PruneSeconds, double SearchSeconds, double TrainSeconds)
{
    /// <summary>All three.</summary>
    public double Seconds => PruneSeconds + SearchSeconds + TrainSeconds;
}
