namespace ZeroOneShot.Training;

/// <summary>Ending a training whose validation no longer gets better, and keeping the weights of its best epoch.</summary>
public sealed record EarlyStopping
{
    /// <summary>What is watched. Default <see cref="EarlyStoppingMeasure.Accuracy"/>.</summary>
    public EarlyStoppingMeasure Measure { get; init; } = EarlyStoppingMeasure.Accuracy;

    /// <summary>The training ends after so many epochs in a row without gain, at least 1. Default 20.</summary>
    public int Patience { get; init; } = 20;

    /// <summary>By how much an epoch must be better than the best one before it, at least 0. Default 0.</summary>
    public double MinimumGain { get; init; }

    /// <summary>
    /// The index of the best epoch; null without one that was validated. Of equal ones the first; an epoch with a loss that is no finite
    /// number never is the best, whatever its accuracy.
    /// </summary>
    internal int? BestOf(IReadOnlyList<TrainingEpoch> epochs)
    {
        int? best = null;
        for (var i = 0; i < epochs.Count; i++)
        {
            if (Score(epochs[i]) is { } score && (best is not { } b || score > Score(epochs[b]) + MinimumGain))
                best = i;
        }
        return best;
    }

    internal bool IsOver(IReadOnlyList<TrainingEpoch> epochs) => BestOf(epochs) is { } best && epochs.Count - 1 - best >= Patience;

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        if (Patience < 1)
            throw new ArgumentException($"Patience is {Patience}; expected at least 1 epoch.");
        if (!(MinimumGain >= 0 && double.IsFinite(MinimumGain)))
            throw new ArgumentException($"MinimumGain is {MinimumGain}; expected a number from 0 on.");
    }

    private double? Score(TrainingEpoch epoch)
    {
        if (epoch.ValidationLoss is not { } loss || !double.IsFinite(loss) || !double.IsFinite(epoch.Loss))
            return null;
        return Measure == EarlyStoppingMeasure.Accuracy ? epoch.ValidationAccuracy : -loss;
    }
}
