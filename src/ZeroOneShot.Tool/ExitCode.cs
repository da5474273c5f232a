namespace ZeroOneShot.Tool;

/// <summary>How a command ended, for scripts. The README and <c>zeroone --help</c> list them.</summary>
internal enum ExitCode
{
    Done = 0,

    /// <summary>Something else, such as a full disk.</summary>
    Failed = 1,

    /// <summary>The command line is not understood, or asks for what cannot be.</summary>
    Arguments = 2,

    /// <summary>The images or their labels cannot be used, or some of them.</summary>
    Data = 3,

    /// <summary>The memory does not suffice.</summary>
    Memory = 4,

    /// <summary>A model, genotype, mask or run is damaged, of another program, or of another version.</summary>
    RefusedFile = 5,

    /// <summary>libtorch or ONNX Runtime cannot be loaded.</summary>
    NativeLibrary = 6,

    /// <summary>Losses or weights became infinite or no numbers.</summary>
    Diverged = 7,

    /// <summary>Stopped by Ctrl+C; a fit keeps its checkpoint.</summary>
    Interrupted = 130,

    /// <summary>Stopped by SIGTERM; a fit keeps its checkpoint.</summary>
    Terminated = 143,
}
