namespace ZeroOneShot.Training;

/// <summary>What tells the better of two epochs.</summary>
public enum EarlyStoppingMeasure
{
    /// <summary>The share of validation images classified rightly: more is better.</summary>
    Accuracy,

    /// <summary>The mean cross entropy of the validation images: less is better.</summary>
    Loss,
}
