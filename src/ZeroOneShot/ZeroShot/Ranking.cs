using System.Globalization;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// The value of a ranking function for one network: that of a genotype, or a supernet of which a mask says what is live. Two networks
/// compare if all options are the same.
/// </summary>
public static class Ranking
{
    /// <summary>Ranks the network of a genotype.</summary>
    /// <param name="images">The images to rank on.</param>
    /// <param name="genotype">The architecture.</param>
    /// <param name="function">The ranking function.</param>
    /// <param name="options">On which of them, and at how many random weights.</param>
    /// <param name="network">
    /// The shape of the network, without auxiliary head. Default: 16 channels and 8 cells, as many as the search's supernet has.
    /// </param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <param name="cancellationToken">Stops between two random weights.</param>
    /// <returns>The mean of the function over the random weights.</returns>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the genotype is not of the space, there are fewer images than asked for, or they are of one class
    /// and the function needs labels.
    /// </exception>
    /// <exception cref="InvalidOperationException">The function gave no finite number.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static double Score(
        ImageSet images, Genotype genotype, IRankingFunction function, RankingOptions options, CellNetOptions? network = null,
        SearchSpace? space = null, CancellationToken cancellationToken = default) =>
        Scores(images, genotype, [function], options, network, space, cancellationToken)[0];

    /// <summary>Ranks the network of a genotype by several functions, on the same images and at the same random weights.</summary>
    /// <param name="images">The images to rank on.</param>
    /// <param name="genotype">The architecture.</param>
    /// <param name="functions">The ranking functions.</param>
    /// <param name="options">On which of them, and at how many random weights.</param>
    /// <param name="network">The shape of the network; as for one function.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <param name="cancellationToken">Stops between two functions.</param>
    /// <returns>The mean of every function over the random weights, in their order.</returns>
    /// <inheritdoc cref="Score(ImageSet, Genotype, IRankingFunction, RankingOptions, CellNetOptions?, SearchSpace?, CancellationToken)"/>
    public static IReadOnlyList<double> Scores(
        ImageSet images, Genotype genotype, IReadOnlyList<IRankingFunction> functions, RankingOptions options,
        CellNetOptions? network = null, SearchSpace? space = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(genotype);
        using var batches = Batches(functions, images, options, cancellationToken);
        ThrowIfLarger(images, genotype, functions, options, network, space);
        return Scores(images, genotype, functions, batches, options, network, space, cancellationToken);
    }

    /// <summary>Ranks the network of a genotype on the batches that many are ranked on.</summary>
    internal static double[] Scores(
        ImageSet images, Genotype genotype, IReadOnlyList<IRankingFunction> functions, RankingBatches batches, RankingOptions options,
        CellNetOptions? network, SearchSpace? space, CancellationToken cancellationToken)
    {
        network = Ranked(network);
        genotype.ThrowIfNotIn(space ?? SearchSpace.Darts);
        return Scores(functions, images, batches, options, $"the network of {genotype}", cancellationToken, (outputs, device) =>
        {
            var sized = network.WithStem(space ?? SearchSpace.Darts, images.Shape);
            var built = new CellNet(genotype, sized, images.Shape.Channels, outputs, space);
            built.train();
            foreach (var module in built.modules().OfType<IRepeatable>())
                module.Tracks = false;
            return (built, draw => new RankedCellNet(built, batches, outputs) { Draw = draw });
        });
    }

    /// <summary>Ranks a supernet: all live operations of an edge mixed with equal weights.</summary>
    /// <param name="images">The images to rank on.</param>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="function">The ranking function.</param>
    /// <param name="options">On which of them, and at how many random weights.</param>
    /// <param name="supernet">The shape of the network; null is the default of <see cref="SupernetOptions"/>.</param>
    /// <param name="cancellationToken">Stops between two random weights.</param>
    /// <returns>The mean of the function over the random weights.</returns>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the mask leaves no genotype, there are fewer images than asked for, or they are of one class
    /// and the function needs labels.
    /// </exception>
    /// <exception cref="InvalidOperationException">The function gave no finite number.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static double Score(
        ImageSet images, OperationMask mask, IRankingFunction function, RankingOptions options, SupernetOptions? supernet = null,
        CancellationToken cancellationToken = default) =>
        Scores(images, mask, [function], options, supernet, cancellationToken)[0];

    /// <summary>Ranks a supernet by several functions, on the same images and at the same random weights.</summary>
    /// <param name="images">The images to rank on.</param>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="functions">The ranking functions.</param>
    /// <param name="options">On which of them, and at how many random weights.</param>
    /// <param name="supernet">The shape of the network; null is the default of <see cref="SupernetOptions"/>.</param>
    /// <param name="cancellationToken">Stops between two functions.</param>
    /// <returns>The mean of every function over the random weights, in their order.</returns>
    /// <inheritdoc cref="Score(ImageSet, OperationMask, IRankingFunction, RankingOptions, SupernetOptions?, CancellationToken)"/>
    public static IReadOnlyList<double> Scores(
        ImageSet images, OperationMask mask, IReadOnlyList<IRankingFunction> functions, RankingOptions options,
        SupernetOptions? supernet = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(mask);
        supernet ??= new();
        using var batches = Batches(functions, images, options, cancellationToken);
        var sized = supernet.WithStem(mask.Space, images.Shape);
        mask.ThrowIfNoGenotype();
        var memory = new RankedMemory(options, functions, mask, sized, images.Shape, Outputs(options, images, functions));
        memory.ThrowIfLarger(memory.Of(CandidateRuns.EachByItself), "the ranking");
        return Scores(functions, images, batches, options, $"the supernet of {mask}", cancellationToken, (outputs, device) =>
        {
            var lean = Lean(mask, sized, images.Shape.Channels, outputs);
            return (lean.Supernet, draw => new RankedSupernet(
                lean, Mixture.Uniform(mask, supernet.EdgeNormalization, device), batches, outputs) { Draw = draw });
        });
    }

    /// <exception cref="MemoryLimitException">The network of a genotype is predicted to take more memory than may be.</exception>
    internal static void ThrowIfLarger(ImageSet images, Genotype genotype, IReadOnlyList<IRankingFunction> functions,
        RankingOptions options, CellNetOptions? network, SearchSpace? space)
    {
        genotype.ThrowIfNotIn(space ?? SearchSpace.Darts);
        var memory = new RankedMemory(options, functions, genotype, Ranked(network), space ?? SearchSpace.Darts, images.Shape,
            Outputs(options, images, functions));
        memory.ThrowIfLarger(memory.Of(CandidateRuns.EachByItself), "the ranking");
    }

    private static CellNetOptions Ranked(CellNetOptions? network) =>
        (network ?? new CellNetOptions { Channels = 16, Cells = 8 }) with { AuxiliaryHead = false };

    /// <summary>How many outputs a ranked network has; see <see cref="RankingOptions.Outputs"/>.</summary>
    internal static int Outputs(RankingOptions options, ImageSet images, params IEnumerable<IRankingFunction> functions) =>
        functions.Any(function => function.NeedsLabels) ? Math.Max(options.Outputs, images.ClassCount) : options.Outputs;

    /// <summary>A supernet as it is ranked: in training mode, its running statistics left alone.</summary>
    internal static LeanSupernet Lean(
        OperationMask mask, SupernetOptions options, int inputChannels, int outputs, OperationCounter? counter = null)
    {
        var supernet = new Supernet(mask, options, inputChannels, outputs);
        supernet.train();
        var lean = new LeanSupernet(supernet, counter: counter);
        lean.Track(false);
        return lean;
    }

    /// <summary>Draws the weights.</summary>
    internal static void Initialize(nn.Module network, RankingOptions options, int round, int initialization, Device device)
    {
        using var random = RandomStream.Of(options.Seed, $"prune weights, round {round}, initialisation {initialization}");
        network.cpu();                                                              // where numbers are drawn, whatever the device
        if (options.Weights == RandomWeights.Default)
            Initialization.Default(network, random);
        else
            Initialization.KaimingNormalFanOut(network, random);
        network.to(device);
    }

    /// <summary>The value of a function.</summary>
    /// <exception cref="InvalidOperationException">It is no finite number; the message names function and network.</exception>
    internal static double Value(IRankingFunction function, RankedNetwork network, Func<string> of)
    {
        network.Asking = function;
        using var scope = NewDisposeScope();
        using var buffers = new OwnBuffers(network.Module);
        return Finite(function.Rank(network), function.Name, of);
    }

    /// <exception cref="InvalidOperationException">The value is no finite number; the message names function and network.</exception>
    internal static double Finite(double value, string function, Func<string> of) => double.IsFinite(value)
        ? value
        : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
            $"Ranking function '{function}' gave {value} for {of()}; expected a finite number. Mend the function, or leave it out."));

    /// <summary>
    /// Orders networks by several functions together: the sum over functions of a network's rank among all, 1 for the smallest value;
    /// equal values share the mean of their ranks. Only the order that each function makes counts, so that their scales do not matter.
    /// </summary>
    /// <param name="values">
    /// The values of every function, one a network and as many of each; a value that is no number ranks lowest.
    /// </param>
    /// <returns>One sum a network; greater is better.</returns>
    /// <exception cref="ArgumentException">There is no function, or the functions have values of different numbers of networks.</exception>
    public static IReadOnlyList<double> SumOfRanks(params IReadOnlyList<IReadOnlyList<double>> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count == 0 || values.Any(ofFunction => ofFunction.Count != values[0].Count))
        {
            throw new ArgumentException(
                $"There are values of {string.Join(", ", values.Select(ofFunction => ofFunction.Count))} networks; expected those of at " +
                "least one function, and as many of each.", nameof(values));
        }
        var ranks = values.Select(Ranks).ToArray();
        return [.. Enumerable.Range(0, values[0].Count).Select(network => ranks.Sum(ofFunction => ofFunction[network]))];
    }

    /// <summary>Ranks from 1, equal values sharing the mean of theirs.</summary>
    internal static double[] Ranks(IReadOnlyList<double> values)
    {
        var order = Enumerable.Range(0, values.Count).OrderBy(i => values[i]).ToArray();     // NaN is the smallest
        var ranks = new double[values.Count];
        for (var first = 0; first < order.Length;)
        {
            var end = first + 1;
            while (end < order.Length && values[order[end]].Equals(values[order[first]]))
                end++;
            for (var i = first; i < end; i++)
                ranks[order[i]] = (first + 1 + end) / 2.0;
            first = end;
        }
        return ranks;
    }

    /// <summary>The images that networks are ranked on.</summary>
    internal static RankingBatches Batches(
        IReadOnlyList<IRankingFunction> functions, ImageSet images, RankingOptions options, CancellationToken cancellationToken)
    {
        Checked.NoNull(functions, nameof(functions));
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        ThrowIfUnfit(images, options, functions);
        cancellationToken.ThrowIfCancellationRequested();
        return new RankingBatches(images, options, TorchRuntime.ResolveDevice(options.Device));
    }

    private static double[] Scores(
        IReadOnlyList<IRankingFunction> functions, ImageSet images, RankingBatches batches, RankingOptions options, string name,
        CancellationToken cancellationToken,
        Func<int, Device, (nn.Module Module, Func<(long Seed, int Round, int Number), RankedNetwork> Ranked)> build)
    {
        var device = TorchRuntime.ResolveDevice(options.Device);
        var (module, ranked) = build(Outputs(options, images, functions), device);
        using var _ = module;
        var sums = new double[functions.Count];
        for (var initialization = 0; initialization < options.Initializations; initialization++)
        {
            Initialize(module, options, round: 0, initialization, device);
            using var network = ranked((options.Seed, 0, initialization));
            foreach (var (place, function) in functions.Index())
            {
                cancellationToken.ThrowIfCancellationRequested();
                sums[place] += Value(function, network, () => name);
            }
        }
        return [.. sums.Select(sum => sum / options.Initializations)];
    }

    /// <exception cref="ArgumentException">
    /// There are fewer images than are asked for, a function cannot do with so few, or it needs labels and the images tell no classes
    /// apart.
    /// </exception>
    internal static void ThrowIfUnfit(ImageSet images, RankingOptions options, IReadOnlyList<IRankingFunction> functions)
    {
        RankingBatches.ThrowIfFewer(images, options);
        // Of those that there are, where these are fewer and may be.
        var (size, count) = (Math.Min(options.BatchSize, images.Count), Math.Min((long)options.BatchSize * options.Batches, images.Count));
        var given = options with { BatchSize = size, Batches = (int)(count / size) + (count % size > 1 ? 1 : 0) };
        foreach (var function in functions)
            function.Validate(given);
        if (functions.FirstOrDefault(function => function.NeedsLabels) is { } needs && images.ClassCounts().Count(count => count > 0) < 2)
        {
            throw new ArgumentException(
                $"Ranking function '{needs.Name}' needs labels, and all {images.Count} images are of one class; expected images of at " +
                "least two classes. Give labelled images, or use a function that needs no labels, for example 'nngp-correlation'.",
                nameof(images));
        }
    }
}
