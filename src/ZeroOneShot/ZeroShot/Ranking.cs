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
    /// <param name="function">The ranking function.</param>
    /// <param name="genotype">The architecture.</param>
    /// <param name="images">The images to rank on.</param>
    /// <param name="options">On which of them, and at how many random weights.</param>
    /// <param name="network">
    /// The shape of the network, without auxiliary head. Default: 16 channels and 8 cells, as many as the search's supernet has.
    /// </param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <param name="cancellationToken">Stops between two random weights.</param>
    /// <returns>The mean of the function over the random weights.</returns>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the genotype is not of the space, or there are fewer images than a batch.
    /// </exception>
    /// <exception cref="InvalidOperationException">The function gave no finite number.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static double Score(
        IRankingFunction function, Genotype genotype, ImageSet images, RankingOptions options, CellNetOptions? network = null,
        SearchSpace? space = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(genotype);
        network = (network ?? new CellNetOptions { Channels = 16, Cells = 8 }) with { AuxiliaryHead = false };
        return Score(function, images, options, $"the network of {genotype}", cancellationToken, (outputs, device) =>
        {
            var sized = network.WithStem(space ?? SearchSpace.Darts, images.Shape);
            var built = new CellNet(genotype, sized, images.Shape.Channels, outputs, space);
            built.train();
            foreach (var module in built.modules().OfType<IRepeatable>())
                module.Tracks = false;
            return (built, batches => new RankedCellNet(built, batches, outputs));
        });
    }

    /// <summary>Ranks a supernet: all live operations of an edge mixed with equal weights.</summary>
    /// <param name="function">The ranking function.</param>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="images">The images to rank on.</param>
    /// <param name="options">On which of them, and at how many random weights.</param>
    /// <param name="supernet">The shape of the network; null is the default of <see cref="SupernetOptions"/>.</param>
    /// <param name="cancellationToken">Stops between two random weights.</param>
    /// <returns>The mean of the function over the random weights.</returns>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the mask leaves no genotype, or there are fewer images than a batch.
    /// </exception>
    /// <exception cref="InvalidOperationException">The function gave no finite number.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static double Score(
        IRankingFunction function, OperationMask mask, ImageSet images, RankingOptions options, SupernetOptions? supernet = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(mask);
        supernet ??= new();
        return Score(function, images, options, $"the supernet of {mask}", cancellationToken, (outputs, device) =>
        {
            var lean = Lean(mask, supernet.WithStem(mask.Space, images.Shape), images.Shape.Channels, outputs);
            return (lean.Supernet, batches => new RankedSupernet(
                lean, Mixture.Uniform(mask, supernet.EdgeNormalization, device), batches, outputs));
        });
    }

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

    /// <summary>Draws the weights of TE-NAS and ETENAS.</summary>
    internal static void Initialize(nn.Module network, long seed, int round, int initialization, Device device)
    {
        using var random = RandomStream.Of(seed, $"prune weights, round {round}, initialisation {initialization}");
        network.cpu();                                                              // where numbers are drawn, whatever the device
        Initialization.KaimingNormalFanOut(network, random);
        network.to(device);
    }

    /// <summary>The value of a function.</summary>
    /// <exception cref="InvalidOperationException">It is no finite number; the message names function and network.</exception>
    internal static double Value(IRankingFunction function, RankedNetwork network, Func<string> of)
    {
        network.Asking = function;
        using var scope = NewDisposeScope();
        return Finite(function.Rank(network), function.Name, of);
    }

    /// <exception cref="InvalidOperationException">The value is no finite number; the message names function and network.</exception>
    internal static double Finite(double value, string function, Func<string> of) => double.IsFinite(value)
        ? value
        : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
            $"Ranking function '{function}' gave {value} for {of()}; expected a finite number. Mend the function, or leave it out."));

    private static double Score(
        IRankingFunction function, ImageSet images, RankingOptions options, string name, CancellationToken cancellationToken,
        Func<int, Device, (nn.Module Module, Func<RankingBatches, RankedNetwork> Ranked)> build)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        cancellationToken.ThrowIfCancellationRequested();
        var device = TorchRuntime.ResolveDevice(options.Device);
        using var batches = new RankingBatches(images, options, device);
        var (module, ranked) = build(Outputs(options, images, function), device);
        using var _ = module;
        var sum = 0.0;
        for (var initialization = 0; initialization < options.Initializations; initialization++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Initialize(module, options.Seed, round: 0, initialization, device);
            using var network = ranked(batches);
            sum += Value(function, network, () => name);
        }
        return sum / options.Initializations;
    }
}
