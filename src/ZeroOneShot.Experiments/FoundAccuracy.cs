using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Yardstick;

namespace ZeroOneShot.Experiments;

/// <summary>The accuracy of found architectures by other means than training them: see <see cref="Table1Options.Estimate"/>.</summary>
public static class FoundAccuracy
{
    // Both yardsticks know accuracies on it alone.
    private const string Data = "cifar10";

    /// <summary>
    /// On CIFAR-10: in the space of DARTS the surrogate's prediction with its interval, in that of NAS-Bench-201 the table's measured
    /// accuracy where a table is given. Elsewhere it is not known.
    /// </summary>
    /// <param name="table">The table of NAS-Bench-201.</param>
    public static Func<RunSpecification, Genotype, AccuracyEstimate?> By(NasBench201Table? table = null) => (run, genotype) =>
    {
        if (run.Data != Data)
            return null;
        if (run.Space == SearchSpace.Darts.Name)
            return AccuracySurrogate.Load().Predict(genotype);
        if (table is null || run.Space != SearchSpace.NasBench201.Name)
            return null;
        var accuracy = table.Accuracy(genotype);
        return new AccuracyEstimate(accuracy, accuracy, accuracy);
    };
}
