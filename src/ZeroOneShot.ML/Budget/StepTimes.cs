using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML;

/// <summary>
/// What steps of the three stages cost on this machine, by a few of them: the stages themselves run on some of the images, and are
/// cancelled. What was not timed is worked out from the multiply-adds.
/// </summary>
/// <remarks>
/// A step of small networks is more overhead than arithmetic, so that time grows slower than the work there. Between two sizes that were
/// timed it is taken to grow by one power of the work. Above the largest it is taken to grow as the work, which is rather too much: what is
/// chosen by that is not too large to be timed too, and the next choice goes on from there (<see cref="WithChosen"/>).
/// </remarks>
internal sealed class StepTimes
{
    /// <summary>Sizes small enough to take seconds on a slow machine; two, to see how time grows with the work.</summary>
    public static readonly (int Channels, int Cells) Small = (8, 4), Larger = (16, 6);

    private static readonly (int Channels, int Cells) s_least = (4, 3);

    // Code is compiled in the first steps, and better in the next dozens: a small network's steps become twice as fast meanwhile.
    private const int Batch = 32, RankedImages = 16, Steps = 60, LeastSteps = 3;

    // Genotypes by chance, of which some cost three times what others do.
    private const int LeastGenotypes = 4, Genotypes = 24;

    // Networks that lack an operation into the same node are ranked together, and the first group has 14 beside the whole network: the
    // time of fewer does not say what one takes.
    private const int RankedNetworks = 60, LeastRanked = 15;

    // No more than this for all that is timed, and for what is timed in any case, roughly.
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(10), s_longestFirst = TimeSpan.FromSeconds(6);

    // Stages and sizes that are timed in any case, at most.
    private const int First = 4;

    // How time may grow with the work: as the timing of two sizes says, within reason.
    private const double LeastExponent = 0.5, MostExponent = 1.1;

    private readonly Genotype _genotype;
    private readonly (NetworkSize Size, double Seconds)[] _timed;
    private readonly PlannedSpace _space;
    private readonly ImageShape _shape;
    private readonly int _classes;
    private readonly double _search, _prune, _rank;

    /// <param name="space">What is searched.</param>
    /// <param name="genotype">The architecture whose training was timed.</param>
    /// <param name="images">The images.</param>
    /// <param name="timed">Sizes, and the seconds of a training step for an image; the other stages were timed at the first one.</param>
    /// <param name="search">Seconds of the other stages, for an image.</param>
    /// <param name="prune">As <paramref name="search"/>.</param>
    /// <param name="rank">As <paramref name="search"/>.</param>
    internal StepTimes(PlannedSpace space, Genotype genotype, ImageSet images, (NetworkSize Size, double Seconds)[] timed,
        double search = 0, double prune = 0, double rank = 0)
    {
        (_space, _genotype, _timed, _shape, _classes) = (space, genotype, timed, images.Shape, images.ClassCount);
        (_search, _prune, _rank) = (search, prune, rank);
    }

    /// <summary>As if every step took a second, where it is the memory that is asked for.</summary>
    public static StepTimes Unknown(PlannedSpace space, ImageSet images) =>
        new(space, space.Typical, images, [(Sized(space, s_least), 1)], search: 1, prune: 1, rank: 1);

    /// <summary>Seconds of a training step for an image.</summary>
    public double Train(NetworkSize size)
    {
        // Stems differ in what a multiply-add costs.
        var alike = _timed.Where(timed => timed.Size.Stem == size.Stem).ToArray();
        return Seconds(alike.Length > 0 ? alike : _timed, Work(size));
    }

    /// <summary>Seconds of a weights and an architecture step for an image of each half.</summary>
    public double Search(int channels, int cells) => _search * Growth(channels, cells);

    /// <summary>Seconds of a pruning at one set of random weights, for an image.</summary>
    public double Prune(int channels, int cells) => _prune * Growth(channels, cells);

    /// <summary>Seconds to rank a genotype, for an image.</summary>
    public double Rank(int channels, int cells) => _rank * Growth(channels, cells);

    /// <summary>The time that planning what is to take so long may take: 10 seconds, and no more than a tenth.</summary>
    public static TimeSpan LongestPlanning(TimeSpan time) => Least(time / 10, s_longest);

    /// <summary>Times a few steps.</summary>
    /// <param name="images">The images; some of them are used.</param>
    /// <param name="space">What is searched.</param>
    /// <param name="method">What the supernet is like.</param>
    /// <param name="device">Where it will run.</param>
    /// <param name="budget">The time that there is for everything.</param>
    /// <param name="time">What measures it.</param>
    /// <param name="memory">What the process may take, in bytes: larger networks are not timed, but for the smallest.</param>
    /// <param name="cancellation">Stops it.</param>
    public static StepTimes Measure(ImageSet images, PlannedSpace space, SearchMethod method, string? device, TimeSpan budget,
        TimeProvider time, long memory, CancellationToken cancellation)
    {
        var (least, smaller, larger) = (Sized(space, s_least), Sized(space, Small), Sized(space, Larger));
        var start = time.GetTimestamp();
        var limit = Least(budget / 10, s_longestFirst);
        var some = Some(images);
        var timer = new Timer(time, limit / First);
        var searches = method.Pruning != PruningKind.ZeroShotToGenotype;
        var timed = Fits(smaller) && OthersFit(smaller) ? smaller : least;
        var sizes = new List<(NetworkSize, double)> { (timed, Training(some, space, space.Typical, timed, device, timer, cancellation)) };
        if (time.GetElapsedTime(start) < limit / 2 && Fits(larger))
            sizes.Add((larger, Training(some, space, space.Typical, larger, device, timer, cancellation)));
        var search = searches && method.Search == SearchKind.OneShot
            ? Searching(some, space.Space, timed, method, device, timer, cancellation) : 0;
        var rank = searches && method.Search == SearchKind.ZeroShot ? Ranking(some, space.Space, timed, device, timer, cancellation) : 0;
        var prune = method.Pruning is PruningKind.None or PruningKind.Random ? 0
            : Pruning(some, space.Space, timed, method, device, timer, memory == long.MaxValue ? null : Left(), cancellation);
        return new StepTimes(space, space.Typical, images, [.. sizes], search, prune, rank);

        // Predictions are of a process that holds nothing else.
        long Left() => memory == long.MaxValue ? memory
            : Math.Max(1, memory - (ResidentMemory.Present - ProcessMemory.ProcessBefore));

        bool Fits(NetworkSize size) => TrainingMemory.Predict(
            space.Typical, TrainingOf(size, Batch, null), images.Shape, images.ClassCount, space.Space).Peak <= Left();

        bool OthersFit(NetworkSize size)
        {
            if (searches && method.Search == SearchKind.OneShot && SearchMemory.Predict(
                MaskOf(space.Space, method), SearchOf(size, method, some, device), images.Shape, images.ClassCount).Peak > Left())
            {
                return false;
            }
            return method.Pruning is PruningKind.None or PruningKind.Random || new PruningPlan(
                Planner.Settings(method, space.Space, PruningOf(size, some), seed: 0, device, Left()),
                method.Pruning == PruningKind.ZeroShotToGenotype).Fitting(images.Shape, images.ClassCount, refuses: false).Memory <= Left();
        }
    }

    /// <summary>Times training steps of the network that was found, which may cost half or twice what a typical one does.</summary>
    /// <param name="images">The images; some of them are used.</param>
    /// <param name="space">The search space.</param>
    /// <param name="genotype">Its architecture.</param>
    /// <param name="planned">The sizes that are timed in any case.</param>
    /// <param name="choose">As for <see cref="WithChosen"/>, and so the others.</param>
    /// <param name="recomputes">As there.</param>
    /// <param name="device">As there.</param>
    /// <param name="limit">As there.</param>
    /// <param name="time">As there.</param>
    /// <param name="cancellation">As there.</param>
    public static StepTimes OfFound(ImageSet images, PlannedSpace space, Genotype genotype, NetworkSize planned,
        Func<StepTimes, NetworkSize> choose, Func<NetworkSize, bool> recomputes, string? device, TimeSpan limit, TimeProvider time,
        CancellationToken cancellation)
    {
        var start = time.GetTimestamp();
        return new StepTimes(space, genotype, images, []).With(images, planned, recomputes(planned), device, limit, time, cancellation)
            .WithChosen(images, choose, recomputes, device, limit - time.GetElapsedTime(start), time, cancellation);
    }

    /// <summary>
    /// These, and those of the training steps of the size that is chosen by them, and so on, until one is chosen that was timed, so that
    /// what is planned is what will be done. When time is up, what is chosen may be worked out.
    /// </summary>
    /// <param name="images">The images; some of them are used.</param>
    /// <param name="choose">Chooses a size.</param>
    /// <param name="recomputes">
    /// Whether features of a size are computed twice, as they take too much memory otherwise: it is timed so.
    /// </param>
    /// <param name="device">Where it will run.</param>
    /// <param name="limit">The time that this may take; no other size is begun after it.</param>
    /// <param name="time">What measures it.</param>
    /// <param name="cancellation">Stops it.</param>
    public StepTimes WithChosen(ImageSet images, Func<StepTimes, NetworkSize> choose, Func<NetworkSize, bool> recomputes, string? device,
        TimeSpan limit, TimeProvider time, CancellationToken cancellation)
    {
        var (times, start) = (this, time.GetTimestamp());
        while (limit - time.GetElapsedTime(start) is var left && left > TimeSpan.Zero && choose(times) is var size
            && times._timed.All(timed => timed.Size != size))
        {
            times = times.With(images, size, recomputes(size), device, left, time, cancellation);
        }
        return times;
    }

    private StepTimes With(ImageSet images, NetworkSize size, bool recomputes, string? device, TimeSpan limit, TimeProvider time,
        CancellationToken cancellation)
    {
        var timer = new Timer(time, Least(limit, s_longestFirst) / First);
        var seconds = Training(Some(images), _space, _genotype, size, device, timer, cancellation, recomputes)
            / (recomputes ? Planner.SlowerByRecomputation : 1);
        ResidentMemory.ReturnUnused();
        return new StepTimes(_space, _genotype, images, [.. _timed, (size, seconds)], _search, _prune, _rank);
    }

    /// <summary>A size with the stem of the smallest networks.</summary>
    public static NetworkSize Sized(PlannedSpace space, (int Channels, int Cells) size) =>
        new(size.Channels, space.Size(size).Cells, space.Networks[0].Stem);

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;

    // Of the other stages, which were timed at the first size.
    private double Growth(int channels, int cells)
    {
        var first = _timed[0].Size;
        var alike = _timed.Where(timed => timed.Size.Stem == first.Stem).ToArray();
        return Seconds(alike, Work(new NetworkSize(channels, cells, first.Stem))) / Seconds(alike, Work(first));
    }

    private double Seconds((NetworkSize Size, double Seconds)[] timed, double work)
    {
        // Sizes may cost the same in a space of one's own, whose networks have as many cells as they like.
        (double Work, double Seconds)[] points =
            [.. timed.Select(one => (Work: Work(one.Size), one.Seconds)).DistinctBy(point => point.Work).OrderBy(point => point.Work)];
        var above = Array.FindIndex(points, point => point.Work >= work);
        if (above < 0 || points.Length == 1)
            return points[^1].Seconds * (work / points[^1].Work);
        var (low, high) = (points[Math.Max(0, above - 1)], points[Math.Max(1, above)]);
        var exponent = Math.Clamp(
            Math.Log(high.Seconds / low.Seconds) / Math.Log(high.Work / low.Work), LeastExponent, MostExponent);
        var nearest = above == 0 ? low : high;
        return nearest.Seconds * Math.Pow(work / nearest.Work, exponent);
    }

    private double Work(NetworkSize size) =>
        NetworkCost.Of(_genotype, Network(size), _shape, _classes, _space.Space).MultiplyAdds;

    private static CellNetOptions Network(NetworkSize size) =>
        new() { Channels = size.Channels, Cells = size.Cells, AuxiliaryHead = false, Stem = size.Stem };

    private static ImageSet Some(ImageSet images)
    {
        var count = Math.Min(images.Count, 8 * Batch);
        return images.Subset([.. Enumerable.Range(0, count).Select(i => (int)((long)i * images.Count / count))]);
    }

    private static double Training(ImageSet images, PlannedSpace space, Genotype genotype, NetworkSize size, string? device,
        Timer timer, CancellationToken cancellation, bool recomputes = false)
    {
        var batch = Math.Min(Batch, images.Count);
        var options = TrainingOf(size, batch, device) with { Recomputation = recomputes ? Recomputation.All : Recomputation.None };
        return timer.Time(cancellation, (steps, token) =>
            CellNetTraining.Train(images, genotype, options, progress: steps, space: space.Space, cancellationToken: token)
                .Dispose()) / batch;
    }

    private static TrainingOptions TrainingOf(NetworkSize size, int batch, string? device) => new()
    {
        Network = Network(size),
        Epochs = Steps, BatchSize = batch, DropPath = 0, LearningRate = 0, Device = device,
        Recomputation = Recomputation.None,
    };

    private static double Searching(ImageSet images, SearchSpace space, NetworkSize size, SearchMethod method,
        string? device, Timer timer, CancellationToken cancellation)
    {
        var options = SearchOf(size, method, images, device);
        return timer.Time(cancellation, (steps, token) =>
            MaskedDartsSearch.Run(images, MaskOf(space, method), options, steps, cancellationToken: token)) / options.BatchSize;
    }

    private static SearchOptions SearchOf(NetworkSize size, SearchMethod method, ImageSet images, string? device) =>
        method.Apply(new SearchOptions
        {
            Supernet = new() { Channels = size.Channels, Cells = size.Cells },
            Epochs = Steps, WarmupEpochs = 0, BatchSize = Math.Min(Batch, images.Count / 2), LearningRate = 0, Device = device,
        });

    private static OperationMask MaskOf(SearchSpace space, SearchMethod method) =>
        method.Pruning == PruningKind.None ? method.StartMask(space) : RandomPruning.Mask(space, 0.5, 0);

    private static StagePlan PruningOf(NetworkSize size, ImageSet images) => new()
    {
        Stage = RunStage.Prune, Channels = size.Channels, Cells = size.Cells, BatchSize = Math.Min(RankedImages, images.Count),
        Epochs = 1, Images = 0, Time = default, Memory = 0,
    };

    private static double Pruning(ImageSet images, SearchSpace space, NetworkSize size, SearchMethod method,
        string? device, Timer timer, long? memory, CancellationToken cancellation)
    {
        var plan = PruningOf(size, images);
        var options = Planner.Settings(method, space, plan, seed: 0, device, memory);
        // The smallest is timed in any case, in the way of the least memory.
        if (memory is { } most)
        {
            var least = new PruningPlan(options, method.Pruning == PruningKind.ZeroShotToGenotype)
                .Fitting(images.Shape, images.ClassCount, refuses: false).Memory;
            options = options with { MaxMemory = Math.Max(most, least) };
        }
        // Of Algorithm 1's first round; in DARTS 1 + 28 edges x 7 operations.
        var networks = 1 + PartialPruning.Start(OperationMask.Full(space), options.Pruning).TotalLive;
        var seconds = networks * (method.Pruning == PruningKind.ZeroShot
            ? timer.Time(cancellation, (steps, token) => ZeroShotPruning.Prune(images, options, steps, cancellationToken: token))
            : timer.Mean(LeastRanked, RankedNetworks, cancellation, (steps, token) =>
                ZeroShotPruning.PruneToGenotype(images, options, steps, cancellationToken: token)));
        return seconds / plan.BatchSize;
    }

    private static double Ranking(
        ImageSet images, SearchSpace space, NetworkSize size, string? device, Timer timer, CancellationToken cancellation)
    {
        var batch = Math.Min(RankedImages, images.Count);
        var plan = new StagePlan
        {
            Stage = RunStage.Search, Channels = size.Channels, Cells = size.Cells, BatchSize = batch, Epochs = 1,
            Candidates = Genotypes, Images = 0, Time = default, Memory = 0,
        };
        return timer.Mean(LeastGenotypes, Genotypes, cancellation, (steps, token) => ZeroShotSearch.Run(
            images, OperationMask.Full(space), Planner.RankingSettings(space, plan, seed: 0, device), steps,
            cancellationToken: token)) / batch;
    }

    /// <summary>Times steps of a stage.</summary>
    /// <param name="time">What measures.</param>
    /// <param name="limit">No more than this, but the least number of steps.</param>
    private sealed class Timer(TimeProvider time, TimeSpan limit)
    {
        /// <summary>Seconds of a step: the median of the later half, as code is compiled in the first ones.</summary>
        public double Time(CancellationToken cancellation, Action<IProgress<RunProgress>, CancellationToken> run) =>
            Run(LeastSteps, Steps, cancellation, run).Median;

        /// <summary>Seconds of a step, where steps are done in groups: the mean of at least so many, of more where there is time.</summary>
        public double Mean(int least, int most, CancellationToken cancellation, Action<IProgress<RunProgress>, CancellationToken> run) =>
            Run(least, most, cancellation, run).Mean;

        private Ends Run(
            int least, int most, CancellationToken cancellation, Action<IProgress<RunProgress>, CancellationToken> run)
        {
            using var source = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var steps = new Ends(time, least, most, limit, source);
            try
            {
                run(steps, source.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // As intended.
            }
            return steps;
        }
    }

    private sealed class Ends(TimeProvider time, int least, int most, TimeSpan limit, CancellationTokenSource source)
        : IProgress<RunProgress>
    {
        private readonly long _start = time.GetTimestamp();
        private readonly List<double> _ends = [];

        public double Median
        {
            get
            {
                // On a machine so slow that there was one step, that one counts.
                double[] steps = _ends.Count == 1 ? [.. _ends] : [.. _ends.Skip(1).Zip(_ends, (end, begin) => end - begin)];
                var later = steps[(steps.Length / 2)..];
                return later.Order().ElementAt(later.Length / 2);
            }
        }

        public double Mean => _ends[^1] / _ends.Count;

        public void Report(RunProgress value)
        {
            if (value.Warning is not null)
                return;
            var elapsed = time.GetElapsedTime(_start);
            _ends.Add(elapsed.TotalSeconds);
            if (_ends.Count >= most || _ends.Count >= least && elapsed > limit)
                source.Cancel();
        }
    }
}
