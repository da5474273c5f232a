using System.Globalization;
using ZeroOneShot.Data;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>Algorithm 1 on a supernet with random weights and on images.</summary>
public static class ZeroShotPruning
{
    /// <summary>Prunes a search space without training anything.</summary>
    /// <param name="images">The images to rank on.</param>
    /// <param name="options">Settings.</param>
    /// <param name="progress">Told after every candidate; to first order after every set of random weights.</param>
    /// <param name="cancellationToken">Stops the run within one candidate.</param>
    /// <param name="checkpoint">
    /// A file written every 20 seconds, after every round and when the run is cancelled, and the one before beside it. If it exists, the
    /// networks it has ranks of are not ranked again, and on the same device, with as many threads, the result is the same bit for bit;
    /// else there is a warning. Null: nothing is written.
    /// </param>
    /// <returns>The mask, and every round with all importances and the ranks behind them.</returns>
    /// <exception cref="InvalidDataException">
    /// The checkpoint and the one before are damaged, or are of other images or other settings.
    /// </exception>
    /// <exception cref="IOException">Another run has the checkpoint, or it cannot be written.</exception>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, there are fewer images than asked for, or they are of one class and a function needs labels, or the
    /// pruning does not fit into <see cref="RankingOptions.MaxMemory"/>.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// A ranking function gave no finite number, zero for the whole network, or the same without any of the operations, so that it cannot
    /// tell them apart (the message names the function and the network); or there is no such device.
    /// </exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static PruningResult Prune(
        ImageSet images, ZeroShotPruningOptions options, IProgress<RunProgress>? progress = null,
        string? checkpoint = null, CancellationToken cancellationToken = default) =>
        PruneWith(share: null, images, options, toGenotype: false, progress, checkpoint, cancellationToken);

    /// <summary>
    /// Prunes until one operation per edge is left (ETENAS), then reads off the architecture: the two edges per node whose removal would
    /// lower the ranks most.
    /// </summary>
    /// <returns>As <see cref="Prune"/>, with <see cref="PruningResult.Genotype"/> and <see cref="PruningResult.LastOperations"/>.</returns>
    /// <inheritdoc cref="Prune"/>
    public static PruningResult PruneToGenotype(
        ImageSet images, ZeroShotPruningOptions options, IProgress<RunProgress>? progress = null,
        string? checkpoint = null, CancellationToken cancellationToken = default) =>
        PruneWith(share: null, images, options, toGenotype: true, progress, checkpoint, cancellationToken);

    /// <summary>The same, where others may rank networks of a round.</summary>
    internal static PruningResult PruneWith(
        IRoundShare? share, ImageSet images, ZeroShotPruningOptions options, bool toGenotype, IProgress<RunProgress>? progress,
        string? checkpoint, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options = toGenotype ? ToGenotype(options) : options;
        using var run = new Run(images, options, toGenotype, share, progress, checkpoint, cancellationToken);
        var result = run.Prune();
        if (!toGenotype)
            return result;
        var last = run.Importances(result.Mask, result.Rounds.Count);
        return new PruningResult(result.Start, result.Rounds)
        {
            Images = result.Images, LastOperations = last, Genotype = result.Mask.ReadGenotype((kind, edge, row) => last[kind, edge, row]),
        };
    }

    /// <summary>Ranks a part of another's round.</summary>
    /// <param name="images">Its images.</param>
    /// <param name="options">Its settings.</param>
    /// <param name="toGenotype">Whether it is <see cref="PruneToGenotype"/>.</param>
    /// <param name="mask">The whole network of the round.</param>
    /// <param name="part">The networks.</param>
    /// <param name="cancellationToken">Stops within one network.</param>
    /// <returns>Networks x functions.</returns>
    internal static IReadOnlyList<double[]> Rank(
        ImageSet images, ZeroShotPruningOptions options, bool toGenotype, OperationMask mask, RoundPart part,
        CancellationToken cancellationToken)
    {
        using var run = new Run(images, toGenotype ? ToGenotype(options) : options, toGenotype, share: null, progress: null,
            checkpoint: null, cancellationToken);
        return run.Rank(mask, part);
    }

    /// <summary>The work that a pruning will be.</summary>
    internal static PruningPlan Plan(ZeroShotPruningOptions options, bool toGenotype) =>
        new(toGenotype ? ToGenotype(options) : options, toGenotype);

    private static ZeroShotPruningOptions ToGenotype(ZeroShotPruningOptions options) =>
        options with { Pruning = options.Pruning with { Level = 0, ExcludeNone = true } };

    /// <summary>One pruning run: the network, its batches, and the ranks of masks.</summary>
    private sealed class Run : IDisposable
    {
        private readonly ZeroShotPruningOptions _options;
        private readonly string[] _functions;
        private readonly CancellationToken _cancellation;
        private readonly StageClock _clock;
        private readonly Device _device;
        private readonly RankingBatches _batches;
        private readonly LeanSupernet _lean;
        private readonly int _outputs;
        private readonly CandidateRuns _runs;
        private readonly PruningCheckpoint? _checkpoint;
        private readonly IRoundShare? _share;

        public Run(
            ImageSet images, ZeroShotPruningOptions options, bool toGenotype, IRoundShare? share, IProgress<RunProgress>? progress,
            string? checkpoint, CancellationToken cancellationToken)
        {
            ArgumentNullException.ThrowIfNull(images);
            ArgumentNullException.ThrowIfNull(options);
            options.Validate();
            options = options with { Supernet = options.Supernet.WithStem(options.Space, images.Shape) };
            cancellationToken.ThrowIfCancellationRequested();
            // To first order, all networks of an initialisation are one measurement.
            (_options, _share, _cancellation) = (options, options.FirstOrder ? null : share, cancellationToken);
            Ranking.ThrowIfUnfit(images, options, options.RankingFunctions);
            var plan = new PruningPlan(options, toGenotype);
            _runs = options.Runs ?? plan.Fitting(images.Shape, images.ClassCount).Runs;
            _clock = new StageClock(RunStage.Prune, plan.Costs, progress, time: options.Time);
            _functions = [.. options.RankingFunctions.Select(function => function.Name)];
            _device = TorchRuntime.ResolveDevice(options.Device);
            _outputs = Ranking.Outputs(options, images, options.RankingFunctions);
            _batches = new RankingBatches(images, options, _device);
            var built = PartialPruning.Start(OperationMask.Full(options.Space), options.Pruning);
            _lean = Ranking.Lean(built, options.Supernet, images.Shape.Channels, _outputs, options.Counter);
            try
            {
                _checkpoint = checkpoint is null ? null : new PruningCheckpoint(checkpoint, images, options);
                foreach (var warning in new[] { _batches.Warning, _checkpoint?.Warning }.OfType<string>())
                    progress?.Report(new RunProgress { Stage = RunStage.Prune, Epoch = 1, Elapsed = default, Warning = warning });
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public PruningResult Prune()
        {
            var result = PartialPruning.Prune(OperationMask.Full(_options.Space), Ranks, _options.Pruning, _functions, Advice);
            foreach (var (number, round) in result.Rounds.Index())
            {
                if (PartialPruning.BlindEdges(round.Importances) is { Count: > 0 } blind)
                {
                    _clock.Warn(number, 0, 1,
                        $"In round {number + 1} ranking function '{string.Join("', '", _functions)}' gave the same, up to rounding, " +
                        $"whichever operation of {PartialPruning.Name(blind)} the network lacked: which of them went is arbitrary there.");
                }
            }
            foreach (var (place, function) in _options.RankingFunctions.Index())
            {
                if (function is ICountsPatterns counts && result.Rounds.Select(round =>
                    counts.Share(round.Importances.Ranks[place], _batches.Images[0].shape[0])).DefaultIfEmpty().Max()
                    is > ICountsPatterns.NearlyAll and var share)
                {
                    _clock.Warn(result.Rounds.Count - 1, 0, 1, string.Create(CultureInfo.InvariantCulture,
                        $"Of all patterns that ranking function '{function.Name}' can tell apart, the whole network has {share:0.0%}: it " +
                        $"hardly sees what an operation adds. {ICountsPatterns.Advice}"));
                }
            }
            return new PruningResult(result.Start, result.Rounds) { Images = _batches.Count };
        }

        // More images in a batch do not matter to those that look at so many as they were made for.
        private string? Advice(int function) =>
            _options.RankingFunctions[function] is ICountsPatterns ? ICountsPatterns.Advice : null;

        /// <summary>The importances of the last operations.</summary>
        public ImportanceMeasurement Importances(OperationMask mask, int round)
        {
            var measured = PartialPruning.Importances(mask, Ranks, round, _functions, _options.Pruning.Sum);
            PartialPruning.ThrowIfBlind(measured, round, _ => true, Advice);
            return measured;
        }

        /// <summary>The ranks of a round's networks, averaged over the initialisations, all of them at the same random weights.</summary>
        private IReadOnlyList<IReadOnlyList<double>> Ranks(IReadOnlyList<OperationMask> networks, int round)
        {
            var ranks = networks.Select(_ => new double[_functions.Length]).ToArray();
            using var shared = _share is null ? null :
                new SharedRound(_share, networks[0], round, _options.Initializations, _options.Time);
            try
            {
                for (var initialization = 0; initialization < _options.Initializations; initialization++)
                {
                    Ranking.Initialize(_lean.Supernet, _options, round, initialization, _device);
                    using var logits = new CandidateLogits(
                        _lean, _batches.Images, networks, Uniform, _runs == CandidateRuns.SideBySide, _cancellation);
                    double[][]? firstOrder = null;
                    for (var i = 0; i < networks.Count; i++)
                    {
                        _cancellation.ThrowIfCancellationRequested();
                        var (done, all) = (initialization * networks.Count + i, networks.Count * _options.Initializations);
                        var measured = _checkpoint?.HasNext != true;
                        if (!measured || done == 0 && round == 0)
                            _clock.Begin(round, measured ? done : done + 1, all);   // what the checkpoint has takes no time
                        var ofNetwork = _checkpoint?.Next(Measure) ?? Measure();
                        for (var r = 0; r < ofNetwork.Length; r++)
                            ranks[i][r] += ofNetwork[r] / _options.Initializations;
                        // To first order, all networks of an initialisation are measured at once.
                        if (measured && (!_options.FirstOrder || i == networks.Count - 1))
                            _clock.Report(round, done + 1, all);

                        double[] Measure()
                        {
                            if (_options.FirstOrder)
                            {
                                return (firstOrder ??= FirstOrderRanks.Of(_lean, _batches.Images, networks[0],
                                    _options.Supernet.EdgeNormalization, _options.RankingFunctions, _cancellation))[i];
                            }
                            if (shared?.Find(initialization, i) is { } found)
                                return found;
                            var ranked = Ranks(networks, i, round, initialization, logits);
                            shared?.Measured(initialization, i);
                            return ranked;
                        }
                    }
                }
            }
            catch (OperationCanceledException) when (_cancellation.IsCancellationRequested)
            {
                _checkpoint?.Save();
                throw;
            }
            _checkpoint?.Save();
            return ranks;
        }

        /// <summary>The ranks of some networks of a round at one of its random weights.</summary>
        public IReadOnlyList<double[]> Rank(OperationMask mask, RoundPart part)
        {
            var networks = PartialPruning.Networks(mask);
            Ranking.Initialize(_lean.Supernet, _options, part.Round, part.Initialization, _device);
            using var logits = new CandidateLogits(
                _lean, _batches.Images, networks, Uniform, _runs == CandidateRuns.SideBySide, _cancellation);
            return [.. Enumerable.Range(part.First, part.Count)
                .Select(i => Ranks(networks, i, part.Round, part.Initialization, logits))];
        }

        private double[] Ranks(IReadOnlyList<OperationMask> networks, int i, int round, int initialization, CandidateLogits logits)
        {
            using var network = new RankedSupernet(_lean, Uniform(networks[i]), _batches, _outputs)
            {
                Draw = (_options.Seed, round, initialization),
                RunsApart = _options.Runs == CandidateRuns.EachByItself,
                SharedLogits = i == 0 || _runs == CandidateRuns.EachByItself ? null : () => logits.Of(i),
            };
            return [.. _options.RankingFunctions.Select(
                function => Ranking.Value(function, network, () => PartialPruning.Name(networks[0], networks[i], round)))];
        }

        private Mixture Uniform(OperationMask mask) => Mixture.Uniform(mask, _options.Supernet.EdgeNormalization, _device);

        public void Dispose()
        {
            _checkpoint?.Dispose();
            _lean.Supernet.Dispose();
            _batches.Dispose();
        }
    }
}
