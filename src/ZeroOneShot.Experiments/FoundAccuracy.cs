using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Yardstick;

namespace ZeroOneShot.Experiments;

/// <summary>The accuracy of a found architecture by other means than training it: see <see cref="Table1Options.Estimate"/>.</summary>
/// <param name="Accuracy">In percent.</param>
/// <param name="Low">The lower end of its interval, in percent.</param>
/// <param name="High">The upper end.</param>
/// <param name="Percentile">The share of the space's architectures that are less accurate, in percent: 50 is what chance finds.</param>
public sealed record FoundAccuracy(double Accuracy, double Low, double High, double Percentile)
{
    // Both yardsticks know accuracies on it alone.
    private const string Data = "cifar10";

    /// <summary>See <see cref="AccuracyEstimate.IsExtrapolated"/>.</summary>
    public bool IsExtrapolated { get; init; }

    /// <summary>
    /// On CIFAR-10: in the space of DARTS the surrogate's prediction with its interval, in that of NAS-Bench-201 the table's measured
    /// accuracy where a table is given. Elsewhere it is not known.
    /// </summary>
    /// <param name="table">The table of NAS-Bench-201.</param>
    public static Func<RunSpecification, Genotype, FoundAccuracy?> By(NasBench201Table? table = null) => (run, genotype) =>
    {
        if (run.Data != Data)
            return null;
        if (run.Space == SearchSpace.Darts.Name)
        {
            var surrogate = AccuracySurrogate.Load();
            var found = surrogate.Predict(genotype);
            return new FoundAccuracy(found.Accuracy, found.Low, found.High, surrogate.RandomGenotypes.Percentile(found.Accuracy))
            {
                IsExtrapolated = found.IsExtrapolated,
            };
        }
        if (table is null || run.Space != SearchSpace.NasBench201.Name)
            return null;
        var accuracy = table.Accuracy(genotype);
        return new FoundAccuracy(accuracy, accuracy, accuracy, table.RandomGenotypes.Percentile(accuracy));
    };
}
