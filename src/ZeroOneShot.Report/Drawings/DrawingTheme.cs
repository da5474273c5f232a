namespace ZeroOneShot.Report;

/// <summary>The colours of a drawing that is a file of its own.</summary>
public enum DrawingTheme
{
    /// <summary>Light or dark as the reader's system asks, by a media query; programs that know none show it light.</summary>
    Automatic,

    /// <summary>Dark lines on white.</summary>
    Light,

    /// <summary>Light lines on black.</summary>
    Dark,
}
