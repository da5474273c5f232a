// A search, or a whole pipeline of ML.NET, at toy size as a process of its own.
//   checkpoint FILE   searches with a checkpoint, writes a line after every step and the genotype at the end; ends with 3 where it is
// refused
//   stepwise FILE     the same, and waits after every step for a line of input
//   libtorch          writes which libtorch it is, and how many are loaded
//   sum               adds up a tensor of six ones and writes the sum
//   watch lean|plain  searches for 810 steps and writes what it holds after every 100 of them, a line of JSON each
//   watch-training    the same for 810 steps of training a network, of which some items are recomputed
//   watch-pruning     prunes a small space again and again, and writes after every pruning what it holds, and how many networks were ranked
//   pipeline FOLDER   fits a pipeline with checkpoints in the folder, writes a line after every step, saves model.onnx and model.zip there,
//                     and loads the zip ten times
using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.ML;
using ZeroOneShot.ML.Tests;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

try
{
    TorchRuntime.EnsureLoaded();
}
catch (DllNotFoundException e)
{
    Console.Error.WriteLine(e.Message);
    return 4;
}
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

    case ["libtorch"]:
        Console.WriteLine(TorchRuntime.Libtorch);
        Console.WriteLine(File.ReadLines("/proc/self/maps").Where(line => line.EndsWith("/libtorch_cpu.so"))
            .Select(line => line[line.IndexOf('/')..]).Distinct().Count());
        Sum();
        return 0;

    case ["sum"]:
        Sum();
        return 0;

    case ["watch", ("lean" or "plain") and var evaluation]:
        torch.set_num_threads(1);                           // all tensors but the batches are then made and disposed on this thread
        // Epochs of 135 steps: none ends at a hundredth step, where its batches would be gone already, and some do before what is compared.
        Search(RandomImages.Of(2 * 135 * 12, 3, shape), Enum.Parse<SupernetEvaluation>(evaluation, ignoreCase: true),
            epochs: 6, new Watch(streams: 2));
        return 0;

    case ["watch-training"]:
        torch.set_num_threads(1);
        Train(RandomImages.Of(135 * 12, 3, shape), epochs: 6, new Watch(streams: 1));
        return 0;

    case ["watch-pruning"]:
        torch.set_num_threads(1);
        var networks = new Count();
        var parameters = Parameters();
        for (var prunings = 1; networks.Reports < 1000; prunings++)
        {
            Prune(RandomImages.Of(24, 3, shape), networks);
            Watch.Write(networks.Reports, elsewhere: 0, gone: prunings * parameters);
        }
        return 0;

    case ["pipeline", var folder]:
        torch.set_num_threads(2);
        Pipeline(folder);
        return 0;

    default:
        Console.Error.WriteLine($"Found '{string.Join(' ', args)}'; expected 'checkpoint FILE', 'stepwise FILE', 'libtorch', 'sum', " +
            "'watch lean|plain', 'watch-training', 'watch-pruning' or 'pipeline FOLDER'.");
        return 2;
}

static void Sum()
{
    using var ones = torch.ones(2, 3);
    using var sum = ones.sum();
    Console.WriteLine(sum.item<float>());
}

static SearchResult Search(
    ImageSet images, SupernetEvaluation evaluation, int epochs, IProgress<RunProgress> progress, string? checkpoint = null)
{
    var space = Small();
    var options = SearchMethod.ZeroOneShotRandom.Apply(new SearchOptions
    {
        Supernet = new SupernetOptions { Channels = 4, Cells = 3, PartialChannels = 1 }, Evaluation = evaluation,
        Epochs = epochs, WarmupEpochs = 0,
        BatchSize = 12, Seed = 5,
    });
    return MaskedDartsSearch.Run(images, RandomPruning.Mask(space, 0.3, seed: 4), options, progress, checkpoint: checkpoint);
}

// A thousand steps take seconds.
static SearchSpace Small() => new("small", new CellTopology(2),
[
    CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect, CandidateOperation.SeparableConvolution3x3,
    CandidateOperation.DilatedConvolution3x3,
]);

static void Prune(ImageSet images, IProgress<RunProgress> progress) => ZeroShotPruning.Prune(images, new ZeroShotPruningOptions
{
    Space = Small(), Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 12, Batches = 2, Initializations = 1, Seed = 5,
}, progress);

// Of the network that a pruning makes.
static int Parameters()
{
    using var network = new Supernet(
        OperationMask.Full(Small()).WithoutEverywhere(0), new SupernetOptions { Channels = 4, Cells = 3 }, 3, 10);
    return network.parameters().Count();
}

static void Train(ImageSet images, int epochs, IProgress<RunProgress> progress)
{
    var options = new TrainingOptions
    {
        Network = new CellNetOptions { Channels = 4, Cells = 3 }, Epochs = epochs, BatchSize = 12, Seed = 5,
    };
    // Between the least memory and the most: some items are recomputed, some are kept.
    var least = TrainingMemory.Predict(PublishedGenotypes.DartsV2, options with { Recomputation = Recomputation.All }, images.Shape, 3);
    var most = TrainingMemory.Predict(PublishedGenotypes.DartsV2, options with { Recomputation = Recomputation.None }, images.Shape, 3);
    options = options with { MaxMemory = (least.Peak + most.Peak) / 2 };
    CellNetTraining.Train(images, PublishedGenotypes.DartsV2, options, progress: progress).Dispose();
}

static void Pipeline(string folder)
{
    var ml = new MLContext(seed: 1);
    var (prune, search, train) = (Toy.Prune(SearchMethod.ZeroOneShot), Toy.Search(), Toy.Train());
    foreach (var options in new StageOptions[] { prune, search, train })
        (options.Progress, options.CheckpointFolder) = (new Lines(), Path.Combine(folder, "checkpoints"));
    using var model = ml.Transforms.ZeroShotPrune(prune).Append(ml.Transforms.MaskedDartsSearch(search))
        .Append(ml.MulticlassClassification.Trainers.CellNet(train)).Fit(Toy.Data(ml));
    Console.WriteLine("trained");
    model.LastTransformer.ExportOnnx(Path.Combine(folder, "model.onnx"));
    using var pixels = ml.Transforms.ImagePixels("Features", "Image", Toy.Side, Toy.Side)
        .Fit(ml.Data.LoadFromEnumerable(Array.Empty<Picture>()));
    var zip = Path.Combine(folder, "model.zip");
    ml.Model.Save(new TransformerChain<ITransformer>(pixels, model.LastTransformer), null, zip);
    Console.WriteLine("saved");
    for (var i = 0; i < 10; i++)
    {
        using var pool = ImageClassifierPool.Load(zip);
        Console.WriteLine("loaded");
    }
}

internal sealed class Picture
{
    [ImageType(Toy.Side, Toy.Side)]
    public MLImage? Image { get; set; }
}

internal sealed class Lines(bool stepwise = false) : IProgress<RunProgress>
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
    private const int BatchTensors = 2;                                    // images and labels

    private readonly MeterListener _listener = new();
    private readonly int _streams;
    private int _steps, _batchesMade;

    /// <param name="streams">How many streams of batches there are, as the two halves of a search.</param>
    public Watch(int streams)
    {
        _streams = streams;
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
        // The streams have handed over a batch for every step and make the next one: let them finish it.
        SpinWait.SpinUntil(() => Volatile.Read(ref _batchesMade) == _streams * (_steps + 1));
        // A tensor that is lost and left to the finalizer is missing from those that live, but not here. Batches are made on other threads.
        Write(_steps, BatchTensors * _streams * _steps);
    }

    /// <summary>Writes what is held.</summary>
    /// <param name="steps">After how many steps.</param>
    /// <param name="elsewhere">Tensors that other threads have made and this one has disposed.</param>
    /// <param name="gone">Parameters of networks that are gone, which TorchSharp counts twice when they are made and then once.</param>
    public static void Write(int steps, int elsewhere, int gone = 0)
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        if (OperatingSystem.IsLinux())
            _ = GiveFreedMemoryBack(0);                     // lost memory would first fill the gaps that activations have left
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            Steps = steps,
            LiveTensors = torch.Tensor.TotalCount - gone,
            MadeAndNotDisposedHere = DisposeScopeManager.Statistics.ThreadTotalLiveCount + elsewhere,
            ResidentBytes = Environment.WorkingSet,
        }));
    }
}

/// <summary>Counts reports.</summary>
internal sealed class Count : IProgress<RunProgress>
{
    public int Reports { get; private set; }

    public void Report(RunProgress value) => Reports++;
}
