// A search at toy size as a process of its own.
//   checkpoint FILE   searches with a checkpoint, writes a line after every step and the genotype at the end; ends with 3 where it is refused
//   stepwise FILE     the same, and waits after every step for a line of input
//   watch lean|plain  searches for 810 steps and writes what it holds after every 100 of them, a line of JSON each
using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using System.Text.Json;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;

TorchRuntime.EnsureLoaded();
var shape = new ImageShape(3, 16, 16);
switch (args)
{
    case [("checkpoint" or "stepwise") and var how, var file]:
        torch.set_num_threads(2);
        // Most weights are the classifier's: a checkpoint of 10 MB takes long enough to write to be killed meanwhile.
        try
        {
            var lines = new Lines(how == "stepwise");
            Console.WriteLine(Search(RandomImages.Of(72, 20_000, shape), SupernetEvaluation.Lean, epochs: 6, lines, file).Genotype);
            return 0;
        }
        catch (IOException e)
        {
            Console.Error.WriteLine(e.Message);
            return 3;
        }

    case ["watch", ("lean" or "plain") and var evaluation]:
        torch.set_num_threads(1);                           // all tensors but the batches are then made and disposed on this thread
        // Epochs of 135 steps: none ends at a hundredth step, where its batches would be gone already, and some do before what is compared.
        Search(RandomImages.Of(2 * 135 * 12, 3, shape), Enum.Parse<SupernetEvaluation>(evaluation, ignoreCase: true),
            epochs: 6, new Watch());
        return 0;

    default:
        Console.Error.WriteLine($"Found '{string.Join(' ', args)}'; expected 'checkpoint FILE', 'stepwise FILE' or 'watch lean|plain'.");
        return 2;
}

static SearchResult Search(
    ImageSet images, SupernetEvaluation evaluation, int epochs, IProgress<RunProgress> progress, string? checkpoint = null)
{
    // A small space: a thousand steps take seconds.
    var space = new SearchSpace("small", new CellTopology(2),
    [
        CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect, CandidateOperation.SeparableConvolution3x3,
        CandidateOperation.DilatedConvolution3x3,
    ]);
    var options = SearchMethod.ZeroOneShotRandom.Apply(new SearchOptions
    {
        Supernet = new SupernetOptions { Channels = 4, Cells = 3 }, Evaluation = evaluation, Epochs = epochs, WarmupEpochs = 0,
        BatchSize = 12, Seed = 5,
    });
    return MaskedDartsSearch.Run(images, RandomPruning.Mask(space, 0.3, seed: 4), options, progress, checkpoint: checkpoint);
}

internal sealed class Lines(bool stepwise) : IProgress<RunProgress>
{
    public void Report(RunProgress value)
    {
        Console.WriteLine(value);
        if (stepwise)
            Console.ReadLine();
    }
}

/// <summary>Counts live tensors and resident bytes between steps.</summary>
internal sealed class Watch : IProgress<RunProgress>
{
    private const int BatchTensorsPerStep = 4;                             // images and labels of both halves

    private readonly MeterListener _listener = new();
    private int _steps, _batchesMade;

    public Watch()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "zerooneshot.batch.preparation")
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((_, _, _, _) => Interlocked.Increment(ref _batchesMade));
        _listener.Start();
    }

    [DllImport("libc", EntryPoint = "malloc_trim")]
    private static extern int GiveFreedMemoryBack(nuint pad);

    public void Report(RunProgress value)
    {
        if (++_steps % 100 != 0)
            return;
        // Both halves have handed over a batch for every step and make the next one: let them finish it.
        SpinWait.SpinUntil(() => Volatile.Read(ref _batchesMade) == 2 * (_steps + 1));
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        if (OperatingSystem.IsLinux())
            _ = GiveFreedMemoryBack(0);                     // lost memory would first fill the gaps that activations have left
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            Steps = _steps,
            LiveTensors = torch.Tensor.TotalCount,
            // A tensor that is lost and left to the finalizer is missing above, but not here. Batches are made on other threads.
            MadeAndNotDisposedHere = DisposeScopeManager.Statistics.ThreadTotalLiveCount + BatchTensorsPerStep * _steps,
            ResidentBytes = Environment.WorkingSet,
        }));
    }
}
