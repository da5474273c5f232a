using TorchSharp;
using ZeroOneShot.Data;
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
    /// <param name="progress">Told after every candidate.</param>
    /// <param name="cancellationToken">Stops the run within one candidate.</param>
    /// <param name="checkpoint">
    /// A file written every 20 seconds, after every round and when the run is cancelled, and the one before beside it. If it exists, the networks it has ranks of are not
    /// ranked again, and the result is the same bit for bit. Null: nothing is written.
    /// </param>
    /// <returns>The rounds; see <see cref="PartialPruning"/>.</returns>
    /// <exception cref="InvalidDataException">
    /// The checkpoint and the one before are damaged, or are of other images or other settings.
    /// </exception>
    /// <exception cref="IOException">Another run has the checkpoint, or it cannot be written.</exception>
    /// <exception cref="ArgumentException">An option is out of its range, or there are fewer images than a batch.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static OperationMask Prune(
        ImageSet images, ZeroShotPruningOptions options, IProgress<RunProgress>? progress = null,
        string? checkpoint = null, CancellationToken cancellationToken = default)
    {
        using var run = new Run(images, options, progress, checkpoint, cancellationToken);
        return run.Prune();
    }

    /// <summary>
    /// Prunes until one operation per edge is left (ETENAS), then reads off the architecture: the two edges per node whose removal would
    /// lower the ranks most.
    /// </summary>
    /// <inheritdoc cref="Prune"/>
    public static (OperationMask Mask, Genotype Genotype) PruneToGenotype(
        ImageSet images, ZeroShotPruningOptions options, IProgress<RunProgress>? progress = null,
        string? checkpoint = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options = options with { Pruning = options.Pruning with { Level = 0, ExcludeNone = true } };
        using var run = new Run(images, options, progress, checkpoint, cancellationToken);
        var mask = run.Prune();
        var importance = run.Importances(mask, run.Rounds);
        return (mask, new Genotype(Cell(CellKind.Normal), Cell(CellKind.Reduction)));

        CellGenotype Cell(CellKind kind)
        {
            var chosen = new List<GenotypeEdge>();
            for (var node = 0; node < mask.Space.Topology.Nodes; node++)
            {
                var (start, length) = CellTopology.EdgesInto(node).GetOffsetAndLength(mask.Space.Topology.EdgeCount);
                chosen.AddRange(Enumerable.Range(start, length)
                    .Select(edge => (From: edge - start, Edge: edge, Row: mask.Live(kind, edge).Single()))
                    .OrderByDescending(edge => importance[(kind, edge.Edge, edge.Row)])
                    .Take(CellTopology.Inputs)
                    .Select(edge => new GenotypeEdge(mask.Space.Operations[edge.Row].Name, edge.From)));
            }
            return new CellGenotype(chosen);
        }
    }

    /// <summary>One pruning run: the network, its batches, and the ranks of masks.</summary>
    private sealed class Run : IDisposable
    {
        private readonly ZeroShotPruningOptions _options;
        private readonly CancellationToken _cancellation;
        private readonly StageClock _clock;
        private readonly Device _device;
        private readonly OperationMask _start;
        private readonly Supernet _supernet;
        private readonly LeanSupernet _lean;
        private readonly Tensor[] _batches;
        private readonly PruningCheckpoint? _checkpoint;

        public Run(
            ImageSet images, ZeroShotPruningOptions options, IProgress<RunProgress>? progress, 
            string? checkpoint, CancellationToken cancellationToken)
        {
            ArgumentNullException.ThrowIfNull(images);
            ArgumentNullException.ThrowIfNull(options);
            options.Validate();
            cancellationToken.ThrowIfCancellationRequested();
            (_options, _cancellation, _clock) = (options, cancellationToken, new StageClock(RunStage.Prune, null, progress));
            _device = TorchRuntime.ResolveDevice(options.Device);
            _start = PartialPruning.Start(OperationMask.Full(options.Space), options.Pruning);
            _batches = Batches(images);
            _supernet = new Supernet(_start, options.Supernet, images.Shape.Channels, images.ClassCount);
            _supernet.train();
            _lean = new LeanSupernet(_supernet);
            _lean.Track(false);
            try
            {
                _checkpoint = checkpoint is null ? null : new PruningCheckpoint(checkpoint, images, options);
                if (_checkpoint?.Warning is { } warning)
                    progress?.Report(new RunProgress { Stage = RunStage.Prune, Epoch = 1, Elapsed = default, Warning = warning });
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public int Rounds { get; private set; }

        public OperationMask Prune()
        {
            var rounds = PartialPruning.Prune(_start, Importances, _options.Pruning);
            Rounds = rounds.Count;
            return rounds.Count == 0 ? _start : rounds[^1].Mask;
        }

        /// <summary>The importances of all live operations, ranks averaged over the initialisations.</summary>
        public IReadOnlyDictionary<(CellKind Kind, int Edge, int Operation), double> Importances(OperationMask mask, int round)
        {
            var candidates = mask.AllLive.ToArray();
            var masks = candidates.Select(j => mask.Without(j.Kind, j.Edge, j.Operation)).Prepend(mask).ToArray();
            var ranks = masks.Select(_ => new double[_options.RankingFunctions.Count]).ToArray();
            for (var initialization = 0; initialization < _options.Initializations; initialization++)
            {
                using (var random = RandomStream.Of(_options.Seed, $"prune weights, round {round}, initialisation {initialization}"))
                    Initialize(random);
                for (var i = 0; i < masks.Length; i++)
                {
                    if (_cancellation.IsCancellationRequested)
                    {
                        _checkpoint?.Save();
                        _cancellation.ThrowIfCancellationRequested();
                    }
                    var measured = _checkpoint?.HasNext != true;
                    var ofMask = _checkpoint?.Next(() => Ranks(masks[i])) ?? Ranks(masks[i]);
                    for (var r = 0; r < ofMask.Length; r++)
                        ranks[i][r] += ofMask[r] / _options.Initializations;
                    if (measured)
                        _clock.Report(round, initialization * masks.Length + i + 1, masks.Length * _options.Initializations);
                }
            }
            _checkpoint?.Save();
            return candidates.Select((j, i) => (j, s: PartialPruning.Importance(ranks[0], ranks[i + 1])))
                .ToDictionary(at => at.j, at => at.s);
        }

        public void Dispose()
        {
            _checkpoint?.Dispose();
            _supernet.Dispose();
            foreach (var batch in _batches)
                batch.Dispose();
        }

        private void Initialize(RandomStream random)
        {
            _supernet.cpu();
            Initialization.KaimingNormalFanOut(_supernet, random);
            _supernet.to(_device);
        }

        private double[] Ranks(OperationMask mask)
        {
            using var network = new RankedNetwork(_lean, Mixture.Uniform(mask, _options.Supernet.EdgeNormalization, _device), _batches);
            return [.. _options.RankingFunctions.Select(function => function.Rank(network))];
        }

        private Tensor[] Batches(ImageSet images)
        {
            var size = _options.BatchSize;
            if (images.Count < size)
            {
                throw new ArgumentException(
                    $"There are {images.Count} images, fewer than one batch of {size}; give more images or a smaller BatchSize.",
                    nameof(images));
            }
            var statistics = images.Statistics();
            var order = new BatchOrder(images.Count, size, _options.Seed, "prune images");
            return [.. Enumerable.Range(0, _options.Batches).Select(batch =>
            {
                using var pixels = images.ImageTensor(order.Batch(batch));
                using var normalized = statistics.Normalize(pixels);
                return normalized.to(_device, copy: true).DetachFromDisposeScope();
            })];
        }
    }
}
