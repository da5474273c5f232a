namespace ZeroOneShot.Training;

/// <summary>How much the images of a class count in the loss of a training.</summary>
public enum ClassWeighting
{
    /// <summary>Every image counts as any other: accuracy over all images is what matters.</summary>
    Equal,

    /// <summary>
    /// Every class counts as any other, whatever the number of its images: an image counts by the inverse of that. For data of very unequal
    /// classes of which the rare ones matter as much.
    /// </summary>
    Balanced,

    /// <summary>Between the two: an image counts by the inverse of the square root of the number of its class.</summary>
    SquareRoot,
}
