using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Report;

/// <summary>
/// A run as it is shown to people: what was asked, what was found, and how it went. All parts but the title may be missing; a page shows
/// those that are there, and says which are not.
/// </summary>
/// <remarks>
/// <see cref="ToHtml"/> makes one page without scripts, links to elsewhere and outside resources, with a content security policy that
/// forbids them; names of files and classes are shown and nothing of them runs. <see cref="ToJson"/> keeps the values, from which the same
/// page can be made again.
/// </remarks>
/// <example>
/// <code>
/// var report = new RunReport
/// {
///     Title = "Flowers",
///     Genotype = model.LastTransformer.Genotype,
///     Mask = model.LastTransformer.Mask,
///     TrainingEpochs = model.LastTransformer.Epochs,
/// };
/// File.WriteAllText("report.html", report.ToHtml());
/// </code>
/// </example>
public sealed record RunReport
{
    /// <summary>The heading.</summary>
    public required string Title { get; init; }

    /// <summary>While a run goes on, what it is doing and how long it still takes; null when it is over.</summary>
    public string? Running { get; init; }

    /// <summary>The command that repeats the run; null where there is none.</summary>
    public string? Command { get; init; }

    /// <summary>What <see cref="Command"/> gives, and what it does not; null for nothing to say.</summary>
    public string? CommandNote { get; init; }

    /// <summary>What was asked for: data, budget, method and so on. Default nothing.</summary>
    public IReadOnlyList<ReportFact> Asked { get; init; } = [];

    /// <summary>What was worth a warning, a sentence each. Default nothing.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Plan and course of the stages, in their order. Default none.</summary>
    public IReadOnlyList<StageFigures> Stages { get; init; } = [];

    /// <summary>The search space of everything here. Default that of DARTS.</summary>
    public SearchSpace Space { get; init; } = SearchSpace.Darts;

    /// <summary>The architecture that was found.</summary>
    public Genotype? Genotype { get; init; }

    /// <summary>The operations that were searched.</summary>
    public OperationMask? Mask { get; init; }

    /// <summary>The importances of the last round of pruning. Default none, as for masks by chance.</summary>
    public IReadOnlyList<CandidateImportance> Importances { get; init; } = [];

    /// <summary>
    /// While a run goes on, what was reported at the ends of epochs, for curves of search and training; not shown where
    /// <see cref="SearchEpochs"/> and <see cref="TrainingEpochs"/> are known. Default none.
    /// </summary>
    public IReadOnlyList<RunProgress> Course { get; init; } = [];

    /// <summary>The course of the search. Default none.</summary>
    public IReadOnlyList<SearchEpoch> SearchEpochs { get; init; } = [];

    /// <summary>
    /// Alpha after each epoch of the search, per kind of cell: edges x operations, row by row; those of pruned operations are not shown.
    /// Default none.
    /// </summary>
    public IReadOnlyList<IReadOnlyDictionary<CellKind, IReadOnlyList<float>>> AlphasOfEpochs { get; init; } = [];

    /// <summary>What a search without training ranked, the best first. Default none.</summary>
    public IReadOnlyList<RankedCandidate> RankedCandidates { get; init; } = [];

    /// <summary>The course of the training. Default none.</summary>
    public IReadOnlyList<TrainingEpoch> TrainingEpochs { get; init; } = [];

    /// <summary>The epoch, from 1, whose weights were kept; null is the last one.</summary>
    public int? BestEpoch { get; init; }

    /// <summary>What the network says of the test images.</summary>
    public TestResults? Test { get; init; }

    /// <summary>The share of test images that a linear classifier of the same pixels classifies rightly, to compare; null is
    /// unknown.</summary>
    public double? LinearAccuracy { get; init; }

    /// <summary>What the network costs to use.</summary>
    public InferenceFigures? Inference { get; init; }

    /// <summary>All settings, seeds among them. Default none.</summary>
    public IReadOnlyList<ReportFact> Settings { get; init; } = [];

    /// <summary>Versions of everything that took part. Default none.</summary>
    public IReadOnlyList<ReportFact> Versions { get; init; } = [];

    /// <summary>The run as one page of HTML, in UTF-8: light or dark, for small and large screens, and for paper.</summary>
    /// <exception cref="ArgumentException">
    /// A prediction names no class, a picture is no PNG of at most 64 KiB, or mask and genotype are not of <see cref="Space"/>; the message
    /// says which.
    /// </exception>
    public string ToHtml()
    {
        Check();
        return Page.Of(this);
    }

    /// <summary>The values as JSON.</summary>
    /// <exception cref="ArgumentException">As of <see cref="ToHtml"/>.</exception>
    public string ToJson()
    {
        Check();
        return ReportFile.Write(this);
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote, and takes nothing on trust.</summary>
    /// <param name="json">The text.</param>
    /// <param name="space">The space of the report; null is the one that comes with the library under the name in the text.</param>
    /// <exception cref="FormatException">It is no such text; the message says what is wrong.</exception>
    public static RunReport FromJson(string json, SearchSpace? space = null)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            var report = ReportFile.Read(json, space);
            report.Check();
            return report;
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"The report's values are not consistent: {e.Message}", e);
        }
    }

    private void Check()
    {
        Genotype?.ThrowIfNotIn(Space);
        foreach (var candidate in RankedCandidates)
            candidate.Genotype.ThrowIfNotIn(Space);
        if (Mask is not null && Mask.Space.Name != Space.Name)
            throw new ArgumentException($"The mask is of search space '{Mask.Space.Name}', the report of '{Space.Name}'; give one space.");
        var (edges, operations) = (Space.Topology.EdgeCount, Space.Operations.Count);
        foreach (var of in Importances)
        {
            if (!Space.Kinds.Contains(of.Kind) || (uint)of.Edge >= (uint)edges || (uint)of.Operation >= (uint)operations)
            {
                throw new ArgumentException($"An importance is of edge {of.Edge} and operation {of.Operation} of the {of.Kind} cell; " +
                    $"search space '{Space.Name}' has edges 0 to {edges - 1} and operations 0 to {operations - 1}.");
            }
        }
        if (AlphasOfEpochs.Any(of => !Space.Kinds.All(kind => of.GetValueOrDefault(kind)?.Count == edges * operations)))
            throw new ArgumentException($"The alphas of an epoch are not {edges} x {operations} numbers for each kind of cell.");
        if (Test is null)
            return;
        var classes = Test.ClassNames.Count;
        foreach (var prediction in Test.Predictions.Concat(Test.Mistakes.Concat(Test.Correct).Select(picture => picture.Prediction)))
        {
            if ((uint)prediction.Label >= (uint)classes || (uint)prediction.Predicted >= (uint)classes)
            {
                throw new ArgumentException($"A prediction is of class {prediction.Label}, taken for {prediction.Predicted}; expected 0 " +
                    $"to {classes - 1}, since there are {classes} class names.");
            }
        }
        foreach (var picture in Test.Mistakes.Concat(Test.Correct))
            Pictures.ThrowIfNone(picture);
    }
}
