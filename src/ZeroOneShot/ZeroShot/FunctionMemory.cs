namespace ZeroOneShot.ZeroShot;

/// <summary>
/// How a ranking function runs a network, by which its memory is predicted before anything runs (<see cref="RankingOptions.MaxMemory"/>):
/// forwards, with gradients, or with all features, each with more in memory than the one before, the last with many times more.
/// </summary>
public sealed class FunctionMemory
{
    private readonly Way _way;
    private readonly int? _images;
    private readonly double _times;

    private FunctionMemory(Way way, int? images = null, double times = 1) => (_way, _images, _times) = (way, images, times);

    private enum Way
    {
        Forwards,
        Gradients,
        Activations,
        Graph,
    }

    /// <summary>
    /// Forwards: <see cref="RankedNetwork.Logits"/>, <see cref="RankedNetwork.Forward"/>, <see cref="RankedNetwork.Features"/> of few
    /// layers, <see cref="RankedNetwork.Rectified"/>; or not at all.
    /// </summary>
    public static FunctionMemory Forwards { get; } = new(Way.Forwards);

    /// <summary>
    /// Forwards and backwards, as a step of the search does: <see cref="RankedNetwork.Gradient(int)"/>,
    /// <see cref="RankedNetwork.ImageGradient"/> on the processor.
    /// </summary>
    /// <param name="kept">How many gradients of all weights it keeps, at least 1; those in double precision count twice.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is below 1.</exception>
    public static FunctionMemory Gradients(int kept = 1) => kept >= 1
        ? new(Way.Gradients, times: kept)
        : throw new ArgumentOutOfRangeException(nameof(kept), kept, "A gradient is kept while it is looked at.");

    /// <summary>Gradients of images or features: as <see cref="Gradients"/> by this library's kernels, else with all features.</summary>
    internal static FunctionMemory ActivationGradients { get; } = new(Way.Activations);

    /// <summary>With all features of the network at once, as <see cref="RankedNetwork.ForwardWithGraph"/> has them.</summary>
    /// <param name="images">How many images at a time, at least 1; null: a batch.</param>
    /// <param name="times">
    /// How many times that, above 0: 1 for first derivatives in single precision, twice as much in double precision, and twice as much
    /// again for second derivatives.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static FunctionMemory Graph(int? images = null, double times = 1)
    {
        if (images < 1)
            throw new ArgumentOutOfRangeException(nameof(images), images, "A graph is of at least one image.");
        return times > 0 && double.IsFinite(times)
            ? new(Way.Graph, images, times)
            : throw new ArgumentOutOfRangeException(nameof(times), times, "Expected how many times the features of a network: above 0.");
    }

    /// <summary>Whether it runs forwards alone.</summary>
    internal bool IsForwards => _way == Way.Forwards;

    /// <summary>The numbers in memory besides the network and what a forward run takes.</summary>
    /// <param name="gradient">What an image takes in a run forwards and backwards.</param>
    /// <param name="graph">What it takes with all features.</param>
    /// <param name="parameters">Weights of the network.</param>
    /// <param name="batch">Images of a batch.</param>
    /// <param name="lanes">The same in whole groups.</param>
    /// <param name="byKernels">Whether this library's kernels run the network.</param>
    internal long Numbers(
        Func<long> gradient, Func<long> graph, long parameters, long batch, long lanes, bool byKernels) => _way switch
    {
        Way.Forwards => 0,
        Way.Activations => byKernels ? lanes * gradient() + parameters : batch * graph() + parameters,
        Way.Gradients => lanes * gradient() + (long)_times * parameters,
        _ => (long)(_times * Math.Min(_images ?? batch, batch) * graph()) + parameters,
    };
}
