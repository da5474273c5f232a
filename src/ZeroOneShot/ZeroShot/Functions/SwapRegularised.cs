namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Regularised SWAP (Peng et al. 2024, Definition 3.4): the number of patterns of <see cref="Swap"/>, times exp(-((P - mu)^2 / sigma)), P
/// being the parameters in thousands: it prefers networks of about mu thousand parameters. Given as its logarithm, which orders networks
/// the same way and does not fall to 0 for networks far from mu.
/// </summary>
/// <param name="mu">The size to prefer, in thousands of parameters.</param>
/// <param name="sigma">
/// How much larger and smaller networks may be, in square thousands of parameters, above 0: at mu plus or minus sqrt(sigma) the number of
/// patterns is divided by e. The public searches take mu = sigma, on networks of one cell and 3 channels.
/// </param>
/// <param name="images">As for <see cref="Swap"/>.</param>
public sealed class SwapRegularised(double mu, double sigma, int? images = null) : IRankingFunction, ICountsPatterns
{
    private readonly Swap _swap = new(images);

    private readonly int _images = images ?? 0;

    private readonly double _sigma = sigma > 0
        ? sigma
        : throw new ArgumentOutOfRangeException(nameof(sigma), sigma, "Sigma is a square of a number of parameters; expected above 0.");

    /// <inheritdoc/>
    public string Name => "swap-regularised";

    /// <inheritdoc/>
    public FunctionMemory Memory => _swap.Memory;

    /// <inheritdoc/>
    public void Validate(RankingOptions options) => Swap.ThrowIfFewer(Name, _images, options);

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        var distance = network.Cost.Parameters / 1e3 - mu;
        return Math.Log(_swap.Rank(network)) - distance * distance / _sigma;
    }
}
