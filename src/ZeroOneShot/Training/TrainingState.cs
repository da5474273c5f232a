namespace ZeroOneShot.Training;

/// <summary>How far a training has come.</summary>
internal sealed record TrainingState
{
    /// <summary>The epoch of the next step.</summary>
    public int Epoch { get; init; }

    /// <summary>The number of the next step in its epoch.</summary>
    public int Step { get; set; }

    /// <summary>Images of this epoch's steps.</summary>
    public long Images { get; set; }

    /// <summary>Sum of their losses.</summary>
    public double Loss { get; set; }

    /// <summary>How many of them were classified rightly.</summary>
    public long Correct { get; set; }

    /// <summary>The epochs that are over.</summary>
    public List<TrainingEpoch> Finished { get; init; } = [];
}
