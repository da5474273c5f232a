using ZeroOneShot.Optimization;

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

    /// <summary>How far its schedule has come, where it is not that of the epochs.</summary>
    public ScheduleState Schedule { get; set; } = new();

    /// <summary>The epochs that are over; the last may be a part of one.</summary>
    public List<TrainingEpoch> Finished { get; init; } = [];

    /// <summary>Refuses what no training can have written.</summary>
    /// <exception cref="InvalidDataException">There is such a thing.</exception>
    public void ThrowIfImpossible(string path, int epochs, int steps)
    {
        if (Epoch < 0 || Epoch > epochs || Step < 0 || Step > steps || Finished?.Count != Epoch || Finished.Contains(null!)
            || Schedule?.IsPossible((long)epochs * steps) != true)
        {
            throw new InvalidDataException($"'{path}' says that the training had come to step {Step} of epoch {Epoch} with " +
                $"{Finished?.Count} epochs done; it was not written by one of {epochs} epochs of {steps} steps. Delete it to begin anew.");
        }
    }
}
