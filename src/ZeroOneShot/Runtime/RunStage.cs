namespace ZeroOneShot.Runtime;

/// <summary>The stages of the main job.</summary>
public enum RunStage
{
    /// <summary>Zero-shot pruning.</summary>
    Prune,

    /// <summary>One-shot search.</summary>
    Search,

    /// <summary>Training of the found network.</summary>
    Train,
}
