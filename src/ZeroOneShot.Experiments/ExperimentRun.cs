using System.Diagnostics;
using ZeroOneShot.Data;
using ZeroOneShot.Kernels;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Experiments;

/// <summary>Carries out the stages of a run in this process.</summary>
public static class ExperimentRun
{
    private static readonly TimeSpan s_betweenNotes = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Does a stage, unless it is done: goes on from its checkpoint where there is one, and leaves a record in the run's folder.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="stage">The stage; those before it must be done.</param>
    /// <param name="data">The run's data.</param>
    /// <param name="preset">The run's preset.</param>
    /// <param name="device">Where to compute; null is the processor.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops within a step; the next time the stage goes on from there.</param>
    /// <exception cref="ArgumentException">
    /// Data, preset or version of the library are others than the run's, or an earlier stage is not finished.
    /// </exception>
    /// <exception cref="IOException">The folder cannot be written, or the disk is full: what was finished before stays.</exception>
    /// <exception cref="InvalidDataException">A file of the run is damaged; the message says which, and what to do.</exception>
    /// <exception cref="InvalidOperationException">Search or training diverged.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static void Do(
        RunFolder run, RunStage stage, ExperimentData data, ExperimentPreset preset, string? device = null,
        IProgress<RunProgress>? progress = null, CancellationToken cancellationToken = default) =>
        DoWith(RunParts.UsualWorth, run, stage, data, preset, device, progress, cancellationToken);

    /// <summary>The same, where a pruning round is offered to helpers from another rest on.</summary>
    internal static void DoWith(
        TimeSpan worth, RunFolder run, RunStage stage, ExperimentData data, ExperimentPreset preset, string? device,
        IProgress<RunProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(preset);
        Check(run.Specification, data, preset);
        if (run.Record(stage) is not null)
            return;
        if (RunFolder.Stages.TakeWhile(earlier => earlier != stage).FirstOrDefault(
            earlier => run.Record(earlier) is null, stage) is var lacking && lacking != stage)
        {
            throw new ArgumentException(
                $"Stage {lacking} of '{run.Path}' is not finished; expected it to be before {stage}.", nameof(stage));
        }
        var images = data.PartFor(preset);
        TorchRuntime.EnsureLoaded();
        Directory.CreateDirectory(run.Checkpoints);
        var before = run.Attempts(stage);
        run.Log($"{stage} begins, attempt {before.Count + 1}, process {Environment.ProcessId} on {Environment.MachineName}.");
        var parts = new RunParts(run, Arithmetic.Here(device), worth);
        var attempt = new Attempt(run, stage, before, parts, progress);
        try
        {
            var step = new Step(run, preset, device, parts, attempt, cancellationToken);
            var found = stage switch
            {
                RunStage.Prune => step.Prune(images.Train),
                RunStage.Search => step.Search(images.Train),
                _ => step.Train(images.Train, images.Test),
            };
            run.Finish(stage, attempt.Record(found));
        }
        catch (Exception e)
        {
            // A disk that is full has no place for this either: the error itself is what is thrown.
            try
            {
                attempt.Note();
                run.Log($"{stage} ends early: {e.Message}");
            }
            catch (IOException)
            {
            }
            throw;
        }
    }

    /// <summary>Does all stages that are not done, one after the other, in this process.</summary>
    /// <inheritdoc cref="Do"/>
    public static RunResult Finish(
        RunFolder run, ExperimentData data, ExperimentPreset preset, string? device = null, IProgress<RunProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(run);
        while (run.NextStage is { } stage)
            Do(run, stage, data, preset, device, progress, cancellationToken);
        return run.Result()!;
    }

    /// <summary>
    /// Does a part of another worker's pruning round, which its folder asks for (<see cref="PartFiles"/>), and leaves what was asked for
    /// there.
    /// </summary>
    /// <param name="folder">A folder with the file that asks for the part.</param>
    /// <param name="data">The run's data.</param>
    /// <param name="preset">The run's preset.</param>
    /// <param name="device">Where to compute; null is the processor.</param>
    /// <param name="cancellationToken">Stops within a network.</param>
    /// <exception cref="ArgumentException">
    /// Data, preset or version of the library are others than the run's, or device, number of threads, width of vectors or libtorch others
    /// than those of the process that asks.
    /// </exception>
    /// <exception cref="InvalidDataException">The folder asks for nothing, or the file is damaged.</exception>
    /// <exception cref="InvalidOperationException">A ranking function gave no finite number.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void DoPart(
        string folder, ExperimentData data, ExperimentPreset preset, string? device = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(preset);
        var part = PartFiles.AllAsked(folder) is [var first, ..] ? first :
            throw new InvalidDataException($"'{folder}' asks for no part of a pruning; expected a file {PartFiles.Asked("NAME")}.");
        var file = Path.Combine(folder, PartFiles.Asked(part));
        PartRequest request;
        try
        {
            request = ChecksummedJson.Read<PartRequest>(file);
        }
        catch (System.Text.Json.JsonException e)
        {
            throw new InvalidDataException($"'{file}' is damaged ({e.Message}).", e);
        }
        Check(request.Specification, data, preset);
        if (Arithmetic.Here(device) is var here && here != request.Arithmetic)
        {
            throw new ArgumentException($"The round is computed with {request.Arithmetic}; this machine has {here}, and its ranks could " +
                "differ in their last bits. Give this worker the same device and number of threads (OMP_NUM_THREADS), or leave such " +
                "rounds to machines of one kind.", nameof(device));
        }
        var (start, used) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        var options = Options(request.Specification, preset, device);
        var ranks = ZeroShotPruning.Rank(data.PartFor(preset).Train, options,
            SearchMethod.Parse(request.Specification.Method).Pruning == PruningKind.ZeroShotToGenotype,
            OperationMask.FromJson(request.Mask, options.Space), request.Part, cancellationToken);
        ChecksummedJson.Write(Path.Combine(folder, PartFiles.Done(part)), new PartResult(request, [.. ranks],
            Stopwatch.GetElapsedTime(start).TotalSeconds, (Environment.CpuUsage.TotalTime - used).TotalSeconds));
    }

    private static ZeroShotPruningOptions Options(RunSpecification run, ExperimentPreset preset, string? device) =>
        SearchMethod.Parse(run.Method).Apply(
            preset.Prune with { Space = SearchSpace.Named(run.Space), Seed = run.Seed, Device = device });

    private static void Check(RunSpecification specification, ExperimentData data, ExperimentPreset preset)
    {
        if (specification.Data != data.Name || specification.DataHash != data.Hash)
        {
            throw new ArgumentException($"The run is of '{specification.Data}' with hash {specification.DataHash}, the data here are " +
                $"'{data.Name}' with hash {data.Hash}. Give the same images, or begin another run with these.", nameof(data));
        }
        var here = RunSpecification.Of(SearchMethod.Parse(specification.Method), SearchSpace.Named(specification.Space), data,
            specification.Seed, preset);
        if (here.PresetHash != specification.PresetHash)
        {
            throw new ArgumentException($"The run is of preset '{specification.Preset}' with hash {specification.PresetHash}, the preset " +
                $"here is '{preset.Name}' with hash {here.PresetHash}. Give the same settings, or begin another run with these.",
                nameof(preset));
        }
        if (here.CodeVersion != specification.CodeVersion)
        {
            throw new ArgumentException($"The run was begun by version {specification.CodeVersion} of the library, this is " +
                $"{here.CodeVersion}. Finish it with that version, or begin another run with this one.", nameof(specification));
        }
    }

    /// <summary>The three stages.</summary>
    private sealed class Step(
        RunFolder run, ExperimentPreset preset, string? device, RunParts parts, IProgress<RunProgress> progress,
        CancellationToken cancellationToken)
    {
        private readonly SearchMethod _method = SearchMethod.Parse(run.Specification.Method);
        private readonly SearchSpace _space = SearchSpace.Named(run.Specification.Space);

        private long Seed => run.Specification.Seed;

        public Found Prune(ImageSet images)
        {
            var options = Options(run.Specification, preset, device);
            var result = _method.Pruning switch
            {
                PruningKind.None => new PruningResult(_method.StartMask(_space), []),
                PruningKind.Random => new PruningResult(RandomPruning.Mask(_space, options.Pruning.Level, Seed), []),
                _ => ZeroShotPruning.PruneWith(parts, images, options, toGenotype: _method.Pruning == PruningKind.ZeroShotToGenotype,
                    progress, run.Checkpoint(RunStage.Prune), cancellationToken),
            };
            return new Found(result.Mask.ToJson(), result.Genotype?.ToString(),
                Computed: _method.Pruning is PruningKind.ZeroShot or PruningKind.ZeroShotToGenotype);
        }

        public Found Search(ImageSet images)
        {
            var pruned = run.Record(RunStage.Prune)!;
            if (pruned.Genotype is { } known)
                return new Found(pruned.Mask, known, Computed: false);
            var mask = OperationMask.FromJson(pruned.Mask!, _space);
            if (_method.Search == SearchKind.ZeroShot)
            {
                var ranking = preset.Ranking with { Seed = Seed };
                var ranked = ZeroShotSearch.Run(images, mask, ranking with { Ranking = ranking.Ranking with { Device = device } }, progress,
                    run.Checkpoint(RunStage.Search), cancellationToken);
                return new Found(pruned.Mask, ranked.Genotype.ToString());
            }
            var options = _method.Apply(preset.Search with { Seed = Seed, Device = device });
            var result = MaskedDartsSearch.Run(images, mask, options, progress,
                run.Checkpoint(RunStage.Search), cancellationToken);
            return new Found(pruned.Mask, result.Genotype.ToString());
        }

        public Found Train(ImageSet images, ImageSet test)
        {
            var found = run.Record(RunStage.Search)!;
            var options = preset.Train with { Seed = Seed, Device = device };
            using var trained = CellNetTraining.Train(images, Genotype.Parse(found.Genotype!), options, progress: progress, space: _space,
                checkpoint: run.Checkpoint(RunStage.Train), cancellationToken: cancellationToken);
            return new Found(found.Mask, found.Genotype, trained.Accuracy(test, cancellationToken),
                trained.Network.parameters().Sum(parameter => parameter.numel()));
        }
    }

    private sealed record Found(
        string? Mask, string? Genotype, double? Accuracy = null, long? Parameters = null, bool Computed = true);

    /// <summary>Measures an attempt, and notes it down every few seconds: it may be killed at any moment.</summary>
    private sealed class Attempt(
        RunFolder run, RunStage stage, IReadOnlyList<AttemptNote> before, RunParts parts, IProgress<RunProgress>? progress)
        : IProgress<RunProgress>
    {
        private readonly PeakMemory _peak = new();
        private readonly long _start = Stopwatch.GetTimestamp();
        private readonly TimeSpan _used = Environment.CpuUsage.TotalTime;
        private long _noted = Stopwatch.GetTimestamp();

        public void Report(RunProgress value)
        {
            progress?.Report(value);
            if (Stopwatch.GetElapsedTime(_noted) < s_betweenNotes)
                return;
            Note();
            _noted = Stopwatch.GetTimestamp();
        }

        public void Note() => run.Note(stage, before.Count + 1, Present());

        public StageRecord Record(Found found)
        {
            AttemptNote[] all = [.. before, Present()];
            return new StageRecord
            {
                Seconds = found.Computed ? all.Sum(note => note.Seconds) : 0,
                ProcessorSeconds = found.Computed ? all.Sum(note => note.ProcessorSeconds) : 0,
                PeakMiB = found.Computed ? all.Max(note => note.PeakMiB) : null,
                Attempts = all.Length, Mask = found.Mask, Genotype = found.Genotype, Accuracy = found.Accuracy,
                Parameters = found.Parameters,
            };
        }

        // With what helpers took: the table compares what methods cost, however many machines there were.
        private AttemptNote Present() => new(Stopwatch.GetElapsedTime(_start).TotalSeconds + parts.Seconds,
            (Environment.CpuUsage.TotalTime - _used).TotalSeconds + parts.ProcessorSeconds, _peak.GrowthMiB);
    }
}
