namespace ZeroOneShot.ML;

/// <summary>What to do about images that cannot be used.</summary>
public enum FaultyImages
{
    /// <summary>Stop at the first and name it.</summary>
    Fail,

    /// <summary>Leave them out, and say how many and which.</summary>
    Skip,

    /// <summary>Leave them out and move them to another folder, each with a text file that says why.</summary>
    Quarantine,
}
