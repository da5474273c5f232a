using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML;

/// <summary>
/// What the later stages of a pipeline ask of its images, so that the first stage that reads them says what a later one would refuse,
/// before hours are spent.
/// </summary>
/// <remarks>
/// A pipeline has every estimator promise its schema before it fits any of them. A stage's promise brings one of these along, on the
/// annotations of the pixel column; the stages after it add their checks, and the Fit that follows on the same thread makes them. A Fit
/// without such a promise has nothing to check. What comes between two stages may hand on the column but not its annotations: then their
/// own Fit says it, as it does in any case.
/// </remarks>
/// <param name="space">The search space of the stage that promises.</param>
/// <param name="earlier">Those of the stage before; null for the first.</param>
internal sealed class LaterStages(SearchSpace space, LaterStages? earlier)
{
    private static readonly ConditionalWeakTable<SchemaShape, LaterStages> s_promised = [];

    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly List<Action<ImageSet, StageRun>> _checks = [];

    /// <summary>The search space of the stage that promised.</summary>
    public SearchSpace Space => space;

    /// <summary>What the search that promised keeps to; null where it has no limit.</summary>
    public CostTarget? CostTarget { get; init; }

    /// <summary>
    /// The column of example weights that a later stage reads; null for none. An earlier stage that finds it reads it too, so that what is
    /// no weight is refused before anything runs.
    /// </summary>
    public string? WeightColumn
    {
        get;
        set
        {
            field = value;
            earlier?.WeightColumn = value;
        }
    }

    /// <summary>The same, where the data of a stage have it already, as weights: what comes between two stages may still make it.</summary>
    public string? WeightColumnIn(DataViewSchema schema) =>
        WeightColumn is { } name && schema.GetColumnOrNull(name)?.Type == NumberDataViewType.Single ? name : null;

    /// <summary>What came with a column's promise; null where no stage promised it.</summary>
    public static LaterStages? Of(SchemaShape.Column column) =>
        column.Annotations is { } annotations && s_promised.TryGetValue(annotations, out var found) ? found : null;

    /// <summary>Lets this come with a column's promise.</summary>
    public void ComeWith(SchemaShape.Column column) => s_promised.AddOrUpdate(column.Annotations, this);

    /// <summary>Has all stages before make a check.</summary>
    public void Add(Action<ImageSet, StageRun> check)
    {
        _checks.Add(check);
        earlier?.Add(check);
    }

    /// <summary>Takes out, for one Fit, what was promised on this thread.</summary>
    public static LaterStages? Take(ref LaterStages? promised)
    {
        var taken = Interlocked.Exchange(ref promised, null);
        return taken?._thread == Environment.CurrentManagedThreadId ? taken : null;
    }

    /// <summary>Makes the checks.</summary>
    /// <param name="images">The images of the stage that makes them.</param>
    /// <param name="run">The stage's run, whose log gets what does not end it.</param>
    public void Check(ImageSet images, StageRun run)
    {
        foreach (var check in _checks)
            check(images, run);
    }
}
