namespace ZeroOneShot.ZeroShot;

/// <summary>
/// How a ranking function runs a network, by which its memory is predicted before anything runs (<see cref="RankingOptions.MaxMemory"/>):
/// forwards, with features, with gradients, or with a graph, the last with many times more in memory than the others.
/// </summary>
public sealed class FunctionMemory
{
    private readonly Way _way;
    private readonly int? _images;
    private readonly double _times;
    private readonly bool _ofEachBatch;

    private FunctionMemory(Way way, int? images = null, double times = 1, bool ofEachBatch = false) =>
        (_way, _images, _times, _ofEachBatch) = (way, images, times, ofEachBatch);

    private enum Way
    {
        Forwards,
        Features,
        Gradients,
        Activations,
        Graph,
    }

    /// <summary>Forwards: <see cref="RankedNetwork.Logits"/>, <see cref="RankedNetwork.Forward"/>; or not at all.</summary>
    public static FunctionMemory Forwards { get; } = new(Way.Forwards);

    /// <summary>
    /// Forwards by libtorch, a batch at a time, with the outputs of all cells and what a cell works with:
    /// <see cref="RankedNetwork.Rectified"/>, <see cref="RankedNetwork.Features"/> of few layers.
    /// </summary>
    public static FunctionMemory Features { get; } = new(Way.Features);

    /// <summary>The same for some images of a batch.</summary>
    internal static FunctionMemory FeaturesOf(int images) => new(Way.Features, images);

    /// <summary>
    /// Forwards and backwards, as a step of the search does: <see cref="RankedNetwork.Gradient(int)"/>,
    /// <see cref="RankedNetwork.ImageGradient"/> on the processor.
    /// </summary>
    /// <param name="kept">How many gradients of all weights it keeps, at least 1; those in double precision count twice.</param>
    /// <param name="ofEachBatch">Whether it keeps so many of each batch, beside those of the batch at work; else of all together.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is below 1.</exception>
    public static FunctionMemory Gradients(int kept = 1, bool ofEachBatch = false) => kept >= 1
        ? new(Way.Gradients, times: kept, ofEachBatch: ofEachBatch)
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

    /// <summary>Whether it is a forward run by libtorch.</summary>
    internal bool IsFeatures => _way == Way.Features;

    /// <summary>Whether libtorch runs it, wherever it runs.</summary>
    internal bool IsByLibtorch => _way is Way.Features or Way.Graph;

    /// <summary>The numbers in memory besides the network and what a forward run takes.</summary>
    /// <param name="features">What an image takes in a forward run by libtorch.</param>
    /// <param name="gradient">What an image takes in a run forwards and backwards.</param>
    /// <param name="graph">What it takes with all features.</param>
    /// <param name="parameters">Weights of the network.</param>
    /// <param name="options">How many images and batches there are.</param>
    /// <param name="lanes">Images of a batch in whole groups.</param>
    /// <param name="byKernels">Whether this library's kernels run the network.</param>
    internal long Numbers(
        Func<long> features, Func<long> gradient, Func<long> graph, long parameters, RankingOptions options, long lanes, bool byKernels)
    {
        var images = (long)Math.Min(_images ?? options.BatchSize, options.BatchSize);
        return _way switch
        {
            Way.Forwards => 0,
            // Weights of its own, beside those of the network.
            Way.Features => images * features() + parameters,
            Way.Activations => byKernels ? lanes * gradient() + parameters : images * graph() + parameters,
            Way.Gradients => lanes * gradient() + (long)_times * (_ofEachBatch ? options.Batches + 1 : 1) * parameters,
            _ => (long)(_times * images * graph()) + parameters,
        };
    }
}
