namespace ZeroOneShot.Training;

/// <summary>How the learning rate falls in the course of a training.</summary>
public enum LearningRateSchedule
{
    /// <summary>Along a cosine to 0, once an epoch: that of the public DARTS code.</summary>
    CosineByEpoch,

    /// <summary>Along a cosine to 0, with every step.</summary>
    Cosine,

    /// <summary>In a straight line to 0, with every step: the one that short trainings do best with (Jordan, airbench, 2024).</summary>
    Linear,
}
