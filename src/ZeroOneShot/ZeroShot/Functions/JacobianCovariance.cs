namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Jacobian covariance (Mellor, Turner, Storkey and Crowley 2020, "Neural Architecture Search without Training", version 1; Abdelfattah et
/// al. 2021): -sum over v of (log(v + 1e-5) + 1 / (v + 1e-5)), v being the eigenvalues of the correlation matrix of J's rows, and
/// J(i) = d (sum of all logits) / d image i. It is greatest where images change the logits in unlike ways.
/// </summary>
/// <remarks>
/// <para>With batch norms in training mode, as the public code has it, the score is not defined for networks that end in batch norms (the
/// spaces of DARTS): the total of the pooled features over a batch is then a constant, the gradient of the sum of its logits is 0, and what
/// remains is rounding. It is well defined in evaluation mode, the default, where batch norms take the statistics 0 and 1 of a fresh
/// network and images do not depend on one another; and in training mode for networks with a ReLU behind the last batch norm
/// (NAS-Bench-201).</para>
/// <para>Mean over batches; on the processor in the memory of a step of the search.</para>
/// </remarks>
/// <param name="training">Whether batch norms take the statistics of the batch. Default false.</param>
public sealed class JacobianCovariance(bool training = false) : IRankingFunction
{
    private const double Small = 1e-5;

    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.ActivationGradients;

    /// <inheritdoc/>
    public string Name => training ? "jacov-training" : "jacov";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Mean(batch =>
        {
            var correlation = ImageJacobian.Correlation(ImageJacobian.Of(network, network.Images[batch], training));
            return -Spectrum.Eigenvalues(correlation).Sum(v => Math.Log(v + Small) + 1 / (v + Small));
        });
    }
}
