namespace ZeroOneShot.Training;

/// <summary>How far a training has come.</summary>
internal sealed record TrainingState
{
    /// <summary>The epoch of the next step.</summary>
    public int Epoch { get; init; }

    /// <summary>The number of the next step in its epoch.</summary>
    public int Step { get; set; }

    /// <summary>Sum of the losses of this epoch's steps.</summary>
    public double Loss { get; set; }

    /// <summary>Images classified rightly in this epoch's steps.</summary>
    public long Correct { get; set; }

    /// <summary>The epochs that are over.</summary>
    public List<TrainingEpoch> Finished { get; init; } = [];
}
