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
internal sealed class StepTimes
{
    // Small enough to take seconds on a slow machine; two, to see how time grows with the work.
    private static readonly (int Channels, int Cells) s_least = (4, 3), s_small = (8, 4), s_larger = (16, 6);

    // In the first step code is compiled.
    private const int Batch = 32, RankedImages = 16, Steps = 5, LeastSteps = 3;

    // Genotypes by chance, of which some cost three times what others do.
    private const int LeastGenotypes = 4, Genotypes = 24;

    // Networks that lack an operation into the same node are ranked together, and the first group has 14 beside the whole network: the
    // time of fewer does not say what one takes.
    private const int RankedNetworks = 60, LeastRanked = 15;

    // No more than this, and than a tenth of the budget, for all that is timed, roughly.
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(6);

    private readonly (int Channels, int Cells) _timed;
    private readonly PlannedSpace _space;
    private readonly ImageShape _shape;
    private readonly int _classes;
    private readonly double _exponent, _train, _search, _prune, _rank;

    private StepTimes((int Channels, int Cells) timed, PlannedSpace space, ImageSet images, double exponent, double train, double search,
        double prune, double rank)
    {
        (_timed, _space, _shape, _classes, _exponent) = (timed, space, images.Shape, images.ClassCount, exponent);
        (_train, _search, _prune, _rank) = (train, search, prune, rank);
    }

    /// <summary>Seconds of a training step for an image.</summary>
    public double Train(int channels, int cells) => _train * Growth(channels, cells);

    /// <summary>Seconds of a weights and an architecture step for an image of each half.</summary>
    public double Search(int channels, int cells) => _search * Growth(channels, cells);

    /// <summary>Seconds of a pruning at one set of random weights, for an image.</summary>
    public double Prune(int channels, int cells) => _prune * Growth(channels, cells);

    /// <summary>Seconds to rank a genotype, for an image.</summary>
    public double Rank(int channels, int cells) => _rank * Growth(channels, cells);

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
        var (least, smaller, larger) = (space.Size(s_least), space.Size(s_small), space.Size(s_larger));
        var start = time.GetTimestamp();
        var limit = budget / 10 < s_longest ? budget / 10 : s_longest;
        var some = images.Subset([.. Enumerable.Range(0, Math.Min(images.Count, 8 * Batch))
            .Select(i => (int)((long)i * images.Count / Math.Min(images.Count, 8 * Batch)))]);
        var timer = new Timer(time, limit / 4);
        var timed = Fits(smaller) ? smaller : least;
        var small = Training(some, space, timed, device, timer, cancellation);
        var exponent = 1.0;
        if (time.GetElapsedTime(start) < limit / 3 && Fits(larger))
        {
            var seconds = Training(some, space, larger, device, timer, cancellation);
            var growth = Work(space, some.Shape, some.ClassCount, larger) / Work(space, some.Shape, some.ClassCount, timed);
            exponent = Math.Clamp(Math.Log(seconds / small) / Math.Log(growth), 0.5, 1.1);
        }
        var searches = method.Pruning != PruningKind.ZeroShotToGenotype;
        var search = searches && method.Search == SearchKind.OneShot
            ? Searching(some, space.Space, timed, method, device, timer, cancellation) : 0;
        var rank = searches && method.Search == SearchKind.ZeroShot ? Ranking(some, space.Space, timed, device, timer, cancellation) : 0;
        var prune = method.Pruning is PruningKind.None or PruningKind.Random ? 0
            : Pruning(some, space.Space, timed, method, device, timer, cancellation);
        return new StepTimes(timed, space, images, exponent, small, search, prune, rank);

        bool Fits((int Channels, int Cells) size) => ResidentMemory.Present - ProcessMemory.ProcessBefore
            + TrainingMemory.Predict(space.Typical, TrainingOf(size, Batch, null), images.Shape, images.ClassCount, space.Space).Peak
                <= memory;
    }

    private double Growth(int channels, int cells) =>
        Math.Pow(Work(_space, _shape, _classes, (channels, cells)) / Work(_space, _shape, _classes, _timed), _exponent);

    private static double Work(PlannedSpace space, ImageShape shape, int classes, (int Channels, int Cells) size) => NetworkCost.Of(
        space.Typical, new CellNetOptions { Channels = size.Channels, Cells = size.Cells }, shape, classes, space.Space).MultiplyAdds;

    private static double Training(ImageSet images, PlannedSpace space, (int Channels, int Cells) size, string? device, Timer timer,
        CancellationToken cancellation)
    {
        var batch = Math.Min(Batch, images.Count);
        var options = TrainingOf(size, batch, device);
        return timer.Time(cancellation, (steps, token) =>
            CellNetTraining.Train(images, space.Typical, options, progress: steps, space: space.Space, cancellationToken: token)
                .Dispose()) / batch;
    }

    private static TrainingOptions TrainingOf((int Channels, int Cells) size, int batch, string? device) => new()
    {
        Network = new() { Channels = size.Channels, Cells = size.Cells, AuxiliaryHead = false },
        Epochs = Steps, BatchSize = batch, DropPath = 0, LearningRate = 0, Device = device,
    };

    private static double Searching(ImageSet images, SearchSpace space, (int Channels, int Cells) size, SearchMethod method,
        string? device, Timer timer, CancellationToken cancellation)
    {
        var batch = Math.Min(Batch, images.Count / 2);
        var options = method.Apply(new SearchOptions
        {
            Supernet = new() { Channels = size.Channels, Cells = size.Cells },
            Epochs = Steps, WarmupEpochs = 0, BatchSize = batch, LearningRate = 0, Device = device,
        });
        var mask = method.Pruning == PruningKind.None ? method.StartMask(space) : RandomPruning.Mask(space, 0.5, 0);
        return timer.Time(cancellation, (steps, token) =>
            MaskedDartsSearch.Run(images, mask, options, steps, cancellationToken: token)) / batch;
    }

    private static double Pruning(ImageSet images, SearchSpace space, (int Channels, int Cells) size, SearchMethod method,
        string? device, Timer timer, CancellationToken cancellation)
    {
        var plan = new StagePlan
        {
            Stage = RunStage.Prune, Channels = size.Channels, Cells = size.Cells, BatchSize = Math.Min(RankedImages, images.Count),
            Epochs = 1, Images = 0, Time = default, Memory = 0,
        };
        var options = Planner.Settings(method, space, plan, seed: 0, device);
        // Of Algorithm 1's first round; in DARTS 1 + 28 edges x 7 operations.
        var networks = 1 + PartialPruning.Start(OperationMask.Full(space), options.Pruning).TotalLive;
        var seconds = networks * (method.Pruning == PruningKind.ZeroShot
            ? timer.Time(cancellation, (steps, token) => ZeroShotPruning.Prune(images, options, steps, cancellationToken: token))
            : timer.Mean(LeastRanked, RankedNetworks, cancellation, (steps, token) =>
                ZeroShotPruning.PruneToGenotype(images, options, steps, cancellationToken: token)));
        return seconds / plan.BatchSize;
    }

    private static double Ranking(
        ImageSet images, SearchSpace space, (int Channels, int Cells) size, string? device, Timer timer, CancellationToken cancellation)
    {
        var batch = Math.Min(RankedImages, images.Count);
        var plan = new StagePlan
        {
            Stage = RunStage.Search, Channels = size.Channels, Cells = size.Cells, BatchSize = batch, Epochs = 1,
            Candidates = Genotypes, Images = 0, Time = default, Memory = 0,
        };
        return timer.Mean(LeastGenotypes, Genotypes, cancellation, (steps, token) => ZeroShotSearch.Run(
            images, OperationMask.Full(space), Planner.RankingSettings(plan, seed: 0, device), steps,
            cancellationToken: token)) / batch;
    }

    /// <summary>Times steps of a stage.</summary>
    /// <param name="time">What measures.</param>
    /// <param name="limit">No more than this, but the least number of steps.</param>
    private sealed class Timer(TimeProvider time, TimeSpan limit)
    {
        /// <summary>Seconds of a step: the median of a few after the first, in which code is compiled.</summary>
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
                var steps = _ends.Count == 1 ? _ends : [.. _ends.Skip(1).Zip(_ends, (end, begin) => end - begin)];
                return steps.Order().ElementAt(steps.Count / 2);
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
