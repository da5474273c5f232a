namespace ZeroOneShot.ZeroShot;

/// <summary>How networks that lack an operation run; their ranks are the same.</summary>
internal enum CandidateRuns
{
    /// <summary>What they have in common once, and those of an edge side by side, one a thread.</summary>
    SideBySide,

    /// <summary>What they have in common once, and one network after the other.</summary>
    OneByOne,

    /// <summary>Each from its beginning.</summary>
    EachByItself,
}
