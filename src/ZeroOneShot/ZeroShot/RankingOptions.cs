namespace ZeroOneShot.ZeroShot;

/// <summary>On which images, and at which random weights, a network is ranked. The defaults are those of the public ETENAS code.</summary>
public record RankingOptions
{
    /// <summary>Images per batch, at least 2; batch norms see one batch at a time. Default 128.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Number of batches that are ranked together, at least 1. Default 3, which makes 384 images.</summary>
    public int Batches { get; init; } = 3;

    /// <summary>
    /// What becomes of fewer images than <see cref="BatchSize"/> times <see cref="Batches"/>. Default false: they are refused. True: each
    /// is taken once, in batches no larger than there are images, the last one smaller (one of a single image, which batch norms cannot do
    /// with, is left out); prunings and searches then tell of it as a warning of their progress.
    /// </summary>
    public bool TakesFewerImages { get; init; }

    /// <summary>
    /// Number of random weights over which a rank is averaged, at least 1; time grows in proportion. Default 3, as in the public ETENAS
    /// code.
    /// </summary>
    public int Initializations { get; init; } = 3;

    /// <summary>
    /// Outputs of the ranked network, at least 2. Default 10, as in the public protocol, however many classes the images have: labels play
    /// no part, and with two logits the correlation of <see cref="NngpNorm"/> would be the same for all networks. Where a ranking function
    /// <see cref="IRankingFunction.NeedsLabels"/>, there are as many outputs as classes if these are more.
    /// </summary>
    public int Outputs { get; init; } = 10;

    /// <summary>
    /// How the random weights are drawn. Default <see cref="RandomWeights.KaimingNormalFanOut"/>, as in the public ETENAS code.
    /// </summary>
    public RandomWeights Weights { get; init; } = RandomWeights.KaimingNormalFanOut;

    /// <summary>
    /// Decides weights and images. Default 0. All 64 bits count; libtorch's generator, which draws the weights, is begun from 32 bits of a
    /// hash of them (<see cref="Runtime.RandomStream.Generator"/>).
    /// </summary>
    public long Seed { get; init; }

    /// <summary>
    /// The most memory that the process may take, in bytes, by prediction, and where the device is a GPU that one's memory; what takes more
    /// is refused before anything runs, with the numbers. Null, the default: all that the machine, or the GPU, has. A pruning that does not
    /// fit, or not into half of the machine's memory by default, first runs more slowly in less: networks one after the other in place of
    /// side by side, then each without what it has in common with others; ranks are the same.
    /// </summary>
    public long? MaxMemory { get; init; }

    /// <summary><c>cpu</c> (null), <c>cuda</c> or <c>cuda:N</c>.</summary>
    public string? Device { get; init; }

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal virtual void Validate()
    {
        if (BatchSize < 2)
            throw new ArgumentException($"BatchSize is {BatchSize}; expected at least 2, since batch norms need more than one image.");
        if (Batches < 1)
            throw new ArgumentException($"Batches is {Batches}; expected at least 1.");
        if (Initializations < 1)
            throw new ArgumentException($"Initializations is {Initializations}; expected at least 1.");
        if (!Enum.IsDefined(Weights))
            throw new ArgumentException($"Weights is {Weights}; expected one of {string.Join(", ", Enum.GetNames<RandomWeights>())}.");
        if (MaxMemory is <= 0)
            throw new ArgumentException($"MaxMemory is {MaxMemory} bytes; expected a positive number, or null for all there is.");
        if (Outputs < 2)
            throw new ArgumentException($"Outputs is {Outputs}; expected at least 2, and 10 for the public protocol.");
    }
}
