using System.Diagnostics;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Experiments;

/// <summary>The paper's Table 1 over methods, data and seeds, made of the runs of a ledger.</summary>
public static class Table1
{
    // This process does not lose a run to another worker.
    private static readonly TimeSpan s_everLasting = TimeSpan.FromDays(3650);

    /// <summary>
    /// Does the runs that are not done, one after the other, and draws the table. A run that fails is tried again after the others, and
    /// after three tries noted and left for the next time: as a cluster's coordinator does it (<see cref="LeaseBook"/>).
    /// </summary>
    /// <param name="ledger">Where the runs are; kept for this coordinator meanwhile.</param>
    /// <param name="options">Which runs.</param>
    /// <param name="start">Does a stage of a run.</param>
    /// <param name="progress">Told of every run that begins, ends or fails.</param>
    /// <param name="cancellationToken">Stops; what was done stays, and the run under way goes on the next time.</param>
    /// <exception cref="ArgumentException">The options name no runs.</exception>
    /// <exception cref="IOException">Another coordinator has the ledger, or it cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Table1Report Run(
        Ledger ledger, Table1Options options, StageStarter start, IProgress<string>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(start);
        var runs = options.Runs();
        using var kept = ledger.Coordinate();
        using var timeIsUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (options.Budget is { } budget)
            timeIsUp.CancelAfter(budget);
        var failures = new Dictionary<string, string>();
        var numbered = runs.Index().ToDictionary(at => at.Item.Id);
        var book = new LeaseBook(numbered.Keys, s_everLasting, epoch: 1);
        while (!timeIsUp.IsCancellationRequested && book.Take(Environment.MachineName) is { } lease)
        {
            var (number, specification) = numbered[lease.Unit];
            var began = Stopwatch.GetTimestamp();
            try
            {
                var run = ledger.Run(specification);
                if (!run.IsFinished)
                {
                    progress?.Report($"{number + 1} of {runs.Count}: {specification.Id} {(run.HasBegun ? "goes on" : "begins")}");
                    while (run.NextStage is { } stage)
                        start(run, stage, timeIsUp.Token);
                    progress?.Report($"{number + 1} of {runs.Count}: {specification.Id} is finished after " +
                        $"{Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s, accuracy {run.Result()!.Accuracy:p2}");
                }
                book.Finish(lease.Unit, lease.Number);
                failures.Remove(lease.Unit);
            }
            catch (OperationCanceledException) when (timeIsUp.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e) when (e is IOException or InvalidDataException or InvalidOperationException or UnauthorizedAccessException
                or OutOfMemoryException)
            {
                failures[lease.Unit] = $"{specification.Id}: {e.Message}";
                book.GiveBack(lease.Unit, lease.Number, hasFailed: true);
                progress?.Report($"{number + 1} of {runs.Count}: {specification.Id} failed: {e.Message}");
            }
        }
        cancellationToken.ThrowIfCancellationRequested();
        return Draw(ledger, options, RunSpecification.PresentCodeVersion, [.. failures.Values]);
    }

    /// <summary>The table of the runs that are finished; anybody may draw it at any time.</summary>
    /// <param name="ledger">Where the runs are.</param>
    /// <param name="options">Which runs. Those of other presets, data or versions of the library are not in it.</param>
    /// <param name="codeVersion">The version of the library that did the runs; null for the present one.</param>
    /// <exception cref="ArgumentException">The options name no runs.</exception>
    public static Table1Report Draw(Ledger ledger, Table1Options options, string? codeVersion = null)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        ArgumentNullException.ThrowIfNull(options);
        return Draw(ledger, options, codeVersion ?? RunSpecification.PresentCodeVersion, []);
    }

    private static Table1Report Draw(Ledger ledger, Table1Options options, string codeVersion, IReadOnlyList<string> failures)
    {
        var (rows, damaged) = (new List<Table1Row>(), new List<string>());
        var wanted = options.Runs().Select(run => run with { CodeVersion = codeVersion });
        foreach (var group in wanted.GroupBy(run => (run.Data, run.Space, run.Method)))
        {
            var results = new List<RunResult>();
            foreach (var specification in group)
            {
                try
                {
                    if (ledger.Find(specification)?.Result() is { } result)
                        results.Add(result);
                }
                catch (InvalidDataException e)
                {
                    damaged.Add(e.Message);
                }
            }
            rows.Add(Table1Row.Of(group.Key.Data, group.Key.Space, group.Key.Method, group.Count(), results,
                result => options.Estimate(result.Specification, Genotype.Parse(result.Genotype))));
        }
        return new Table1Report(options.Preset.Name, options.Preset.Describe(), codeVersion, rows, [.. failures, .. damaged.Distinct()]);
    }
}
