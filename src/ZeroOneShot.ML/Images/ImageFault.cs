namespace ZeroOneShot.ML;

/// <summary>Why an image is refused.</summary>
public enum ImageFault
{
    /// <summary>The file is missing, or cannot be read by this user.</summary>
    Unreadable,

    /// <summary>There are no bytes, or they do not begin as any image format that can be decoded does.</summary>
    NotAnImage,

    /// <summary>The data end before the last pixel.</summary>
    Truncated,

    /// <summary>The data are there but make no sense.</summary>
    Damaged,

    /// <summary>
    /// More pixels, bytes or scans than the <see cref="ImageLimits"/> allow. Found before anything is decoded.
    /// </summary>
    TooLarge,

    /// <summary>Decoding took longer than <see cref="ImageLimits.MostTime"/>.</summary>
    TooSlow,
}
