// dotnet run -c Release --project benchmarks/ZeroOneShot.Benchmarks -- NAME [options]: see --help.
using System.CommandLine;
using System.Text.Json;
using ZeroOneShot.Benchmarks;
using ZeroOneShot.Benchmarks.Compare;
using ZeroOneShot.Benchmarks.Gpu;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

// What is timed from the start of its process takes no time for commands that it does not know.
if (args is [StartUp.Command, var timed])
{
    Console.WriteLine(StartUp.Take(timed));
    return 0;
}

var searchStep = new Command("search-step",
    "Peak memory and time of one architecture and one weights step, per method, evaluation and batch size.");
var endToEnd = new Command("end-to-end",
    "The share of time of every stage: pruning, one epoch of search, one of training; and of waiting for batches.");

var (json, channels, cells) = (Options.Json(), Options.Channels(), Options.Cells());
var stepMethods = Options.Methods([.. SearchStep.OneShotMethods]);
var stepBatches = Options.Batches(int.MaxValue, 8, 16, 32, 64);
var evaluations = Options.Among("--evaluations", "How a step is computed", Measurement.Evaluations,
    Measurement.PlainPlanar, Measurement.PlainChannelsLast, Measurement.Lean);
var allocators = Options.Among("--allocators",
    "Whose allocator setting a step is timed under; with both, also what the library's alone gives",
    Measurement.Allocators, Measurement.LibraryAllocator);
var repetitions = Options.Repetitions();
var vectors = Options.Vectors();
foreach (var option in (Option[])[json, stepMethods, evaluations, stepBatches, allocators, vectors, channels, cells, repetitions])
    searchStep.Add(option);
searchStep.SetAction(parsed => SearchStep.Run(Options.Parsed(parsed.GetRequiredValue(stepMethods)),
    [.. parsed.GetRequiredValue(evaluations).Distinct()], [.. parsed.GetRequiredValue(stepBatches).Distinct().Order()],
    [.. parsed.GetRequiredValue(allocators).Distinct()], [.. parsed.GetRequiredValue(vectors).Distinct().OrderDescending()],
    new Shape(parsed.GetValue(channels), parsed.GetValue(cells)), parsed.GetValue(repetitions), parsed.GetValue(json)));

var runMethods = Options.Methods(SearchMethod.ZeroOneShot);
var runBatches = Options.Batches(EndToEnd.LargestBatch, 32);
foreach (var option in (Option[])[json, runMethods, runBatches, channels, cells])
    endToEnd.Add(option);
endToEnd.SetAction(parsed => EndToEnd.Run(Options.Parsed(parsed.GetRequiredValue(runMethods)),
    [.. parsed.GetRequiredValue(runBatches).Distinct().Order()],
    new Shape(parsed.GetValue(channels), parsed.GetValue(cells)), parsed.GetValue(json)));

var operations = new Command("operations", "Every candidate operation, forwards and backwards: this library's kernels against libtorch's.");
var operationBatches = Options.Batches(int.MaxValue, 32);
foreach (var option in (Option[])[json, operationBatches, repetitions])
    operations.Add(option);
operations.SetAction(parsed => Operations.Run(
    [.. parsed.GetRequiredValue(operationBatches).Distinct().Order()], parsed.GetValue(repetitions), parsed.GetValue(json)));

var lossCurve = new Command("bfloat16", "The losses of a search with and without bfloat16 activations, epoch by epoch.");
var data = Options.CifarFolder();
var (epochs, seeds) = (Options.Count("--epochs", "Epochs", 5), Options.Count("--seeds", "Searches, each from a seed of its own", 2));
foreach (var option in (Option[])[json, data, epochs, seeds, channels, cells])
    lossCurve.Add(option);
lossCurve.SetAction(parsed => LossCurve.Run(parsed.GetRequiredValue(data), parsed.GetValue(epochs), parsed.GetValue(seeds),
    new Shape(parsed.GetValue(channels), parsed.GetValue(cells)), parsed.GetValue(json)));

var bulkScoring = new Command("bulk-scoring", "Images scored per second: row by row, in bulk, and in bulk by the loaded zip.");
var images = Options.Count("--images", "Images scored", 1024);
foreach (var option in (Option[])[json, channels, cells, images, repetitions])
    bulkScoring.Add(option);
bulkScoring.SetAction(parsed => BulkScoring.Run(new Shape(parsed.GetValue(channels), parsed.GetValue(cells)), parsed.GetValue(images),
    parsed.GetValue(repetitions), parsed.GetValue(json)));

var memoryPlan = new Command("memory-plan",
    "The peak memory of searches, twelve in the space of DARTS and two in every other one, as predicted and as measured.");
var plannedSpaces = Options.Spaces([.. SearchSpace.All]);
foreach (var option in (Option[])[json, plannedSpaces])
    memoryPlan.Add(option);
memoryPlan.SetAction(parsed => MemoryPlan.Run(parsed.GetRequiredValue(plannedSpaces), parsed.GetValue(json)));

var spaces = new Command("spaces",
    "The memory of a search step in spaces of different size: plain DARTS, drawn on from small batches, and Zero-One-Shot.");
var (comparedSpaces, batch) = (Options.Spaces(SearchSpace.NasBench201, SearchSpace.Darts, SearchSpace.DartsLarge),
    Options.Count("--batch", "Images of a step", 32));
foreach (var option in (Option[])[json, comparedSpaces, batch, channels, cells])
    spaces.Add(option);
spaces.SetAction(parsed => Spaces.Run(parsed.GetRequiredValue(comparedSpaces), parsed.GetValue(batch),
    new Shape(parsed.GetValue(channels), parsed.GetValue(cells)), parsed.GetValue(json)));

var serviceLoad = new Command("service-load",
    "The time of small pictures in samples/PredictApi among senders of hostile ones and among slow clients, and the service's memory.");
var service = Options.ExistingFile("--service", "The built samples/PredictApi");
var model = Options.ExistingFile("--model", "A model that samples/ImageSearch saved");
var (pictures, senders, slow) = (Options.Count("--pictures", "Small pictures sent, one after the other", 500),
    Options.Count("--senders", "Senders of each hostile picture", 16), Options.Count("--slow", "Slow clients", 150));
foreach (var option in (Option[])[json, service, model, pictures, senders, slow])
    serviceLoad.Add(option);
serviceLoad.SetAction(parsed => ServiceLoad.Run(parsed.GetRequiredValue(service), parsed.GetRequiredValue(model), parsed.GetValue(pictures),
    parsed.GetValue(senders), parsed.GetValue(slow), parsed.GetValue(json)));
var trainingMemory = new Command("training-memory", "The peak memory of eight trainings as predicted, and as measured.") { json };
trainingMemory.SetAction(parsed => TrainingMemoryPlan.Run(parsed.GetValue(json)));

var rankCorrelation = new Command("rank-correlation",
    "How well ranking functions order networks whose accuracy is known, on the images of CIFAR_DIR, beside published scores of them.");
var table = Options.ExistingFile("--table", "A CSV file of architectures with accuracies: columns arch (NAS-Bench-301), net " +
    "(NAS-Bench-201) or genotype (DARTS), then val_accuracy, then published scores");
var functions = Options.RankingFunctions();
var (networks, tableChannels, tableCells) = (Options.Perhaps("--networks", "Networks scored, drawn from the table; without it, all"),
    Options.Perhaps("--channels", "Channels of the first cells; without it, as in the publication"),
    Options.Perhaps("--cells", "Cells; without it, as in the publication"));
var (rankBatch, rankBatches, weightDraws) = (Options.Count("--batch", "Images of a batch", 32), Options.Count("--batches", "Batches", 1),
    Options.Count("--initializations", "Random weights that scores are averaged over", 1));
var imageSize = new Option<int>("--image-size")
{
    Description = "Pixels a side that images are averaged to.", DefaultValueFactory = _ => 32,
};
imageSize.AcceptOnlyFromAmong("32", "16");
var weights = new Option<RandomWeights>("--weights")
{
    Description = "How weights are drawn: Default, PyTorch's, as for published scores, or KaimingNormalFanOut, as the library ranks.",
    DefaultValueFactory = _ => RandomWeights.Default,
};
var setSize = Options.Perhaps("--sets",
    "Also look for the best sets of up to so many functions, on the first half of the networks, and measure them on the second");
var valuesFile = new Option<FileInfo?>("--values") { Description = "Write the scores of every network to this CSV file." };
var except = Options.ExistingFile("--except", "A table whose networks are left out: those that something was chosen by", required: false);
var tableSeed = new Option<long>("--seed") { Description = "Decides networks, images and weights.", DefaultValueFactory = _ => 0 };
foreach (var option in (Option[])[table, functions, networks, tableSeed, json, tableChannels, tableCells, rankBatch, rankBatches,
    weightDraws, imageSize, weights, setSize, except, valuesFile])
{
    rankCorrelation.Add(option);
}
rankCorrelation.SetAction(parsed => RankingCorrelation.Run(parsed.GetRequiredValue(table), new()
{
    Functions = parsed.GetRequiredValue(functions), Networks = parsed.GetValue(networks),
    Seed = parsed.GetValue(tableSeed), Channels = parsed.GetValue(tableChannels), Cells = parsed.GetValue(tableCells),
    ImageSize = parsed.GetValue(imageSize), BatchSize = parsed.GetValue(rankBatch), Batches = parsed.GetValue(rankBatches),
    Initializations = parsed.GetValue(weightDraws), Weights = parsed.GetValue(weights), SetSize = parsed.GetValue(setSize) ?? 0,
    Except = parsed.GetValue(except),
}, parsed.GetValue(valuesFile), parsed.GetValue(json)));

var rankingMemory = new Command("ranking-memory",
    "The memory that each ranking function takes on a supernet and on a found network, beside that of a search step.");
var memoryBatches = Options.Batches(int.MaxValue, 16, 32);
foreach (var option in (Option[])[json, functions, memoryBatches, channels, cells])
    rankingMemory.Add(option);
rankingMemory.SetAction(parsed => RankingMemory.Run(RankingFunctions.Parse(parsed.GetRequiredValue(functions)),
    new Shape(parsed.GetValue(channels), parsed.GetValue(cells)), [.. parsed.GetRequiredValue(memoryBatches).Distinct().Order()],
    parsed.GetValue(json)));

var pruning = new Command("pruning",
    "Evaluations of operations, time and resident memory of a round of pruning: naive, exact and to first order.");
var ways = Options.Among("--ways", "How importances are measured", Pruning.Ways, [.. Pruning.Ways]);
var partial = Options.Count("--partial", "K: 1/K of the channels pass the operations; divides the channels", 4);
var (rankedBatch, rankedBatches, initializations) = (Options.Count("--batch", "Images of a batch", 128),
    Options.Count("--batches", "Batches", 3), Options.Count("--initializations", "Random weights", 3));
foreach (var option in (Option[])[json, ways, channels, cells, partial, rankedBatch, rankedBatches, initializations])
    pruning.Add(option);
pruning.SetAction(parsed => Pruning.Run([.. parsed.GetRequiredValue(ways).Distinct()], RankedSetting(parsed), parsed.GetValue(json)));

var agreement = new Command("first-order-agreement", "How far pruning to first order agrees with exact pruning.");
var agreementData = Options.CifarFolder(without: "images of stripes and squares with noise");
var agreementSeeds = Options.Count("--seeds", "Prunings, each from a seed of its own", 5);
Option[] agreementOptions =
    [json, agreementData, agreementSeeds, channels, cells, partial, rankedBatch, rankedBatches, initializations];
foreach (var option in agreementOptions)
    agreement.Add(option);
agreement.SetAction(parsed => FirstOrderAgreement.Run(parsed.GetValue(agreementData), RankedSetting(parsed),
    parsed.GetValue(agreementSeeds), parsed.GetValue(json)));

var trainStep = new Command("train-step",
    "Images a second and resident memory of training a found network, beside ordinary autograd.");
var (trainNetworks, trainEvaluations) = (
    Options.Among("--networks", "Channels x cells", [.. TrainStep.Networks.Keys], [.. TrainStep.Networks.Keys]),
    Options.Among("--evaluations", "How a step is computed", TrainStep.Evaluations, [.. TrainStep.Evaluations]));
var trainBatch = Options.Count("--batch", "Images of a step; without it 96 for 16x8 and 128 for 36x20", 0);
foreach (var option in (Option[])[json, trainNetworks, trainEvaluations, trainBatch, repetitions])
    trainStep.Add(option);
trainStep.SetAction(parsed => TrainStep.Run([.. parsed.GetRequiredValue(trainNetworks).Distinct()],
    [.. parsed.GetRequiredValue(trainEvaluations).Distinct()], parsed.GetValue(trainBatch), parsed.GetValue(repetitions),
    parsed.GetValue(json)));

var startUp = new Command("start-up", "Time from the start of a process to its first search step, and to its first prediction.");
foreach (var option in (Option[])[json, channels, cells, repetitions])
    startUp.Add(option);
startUp.SetAction(parsed => StartUp.Run(
    new Shape(parsed.GetValue(channels), parsed.GetValue(cells)), parsed.GetValue(repetitions), parsed.GetValue(json)));

var one = new Argument<string>("measurement");
var child = new Command(Measurement.Command, "What search-step and memory-plan run in processes of its own.") { one };
child.Hidden = true;
child.SetAction(parsed => Console.WriteLine(Measurement.Parse(parsed.GetRequiredValue(one)).Take().ToJson()));

var training = new Argument<string>("measurement");
var trainingChild = new Command(TrainingMemoryPlan.Command, "What training-memory runs in processes of its own.") { training };
trainingChild.Hidden = true;
trainingChild.SetAction(parsed => Console.WriteLine(
    JsonSerializer.Deserialize<TrainingMemoryPlan.Case>(parsed.GetRequiredValue(training))!.Take().ToJson()));

var round = new Argument<string>("measurement");
var pruningChild = new Command(Pruning.Command, "What pruning runs in processes of its own.") { round };
pruningChild.Hidden = true;
pruningChild.SetAction(parsed => Console.WriteLine(
    JsonSerializer.Deserialize<Pruning.Case>(parsed.GetRequiredValue(round))!.Take()));

var ranked = new Argument<string>("measurement");
var rankedChild = new Command(RankingMemory.Command, "What ranking-memory runs in processes of its own.") { ranked };
rankedChild.Hidden = true;
rankedChild.SetAction(parsed => Console.WriteLine(JsonSerializer.Serialize(
    JsonSerializer.Deserialize<RankingMemory.Case>(parsed.GetRequiredValue(ranked))!.Take())));

var trainingStep = new Argument<string>("measurement");
var stepChild = new Command(TrainStep.Command, "What train-step runs in processes of its own.") { trainingStep };
stepChild.Hidden = true;
stepChild.SetAction(parsed => Console.WriteLine(
    JsonSerializer.Deserialize<TrainStep.Case>(parsed.GetRequiredValue(trainingStep))!.Take().ToJson()));

return new RootCommand("Benchmarks of ZeroOneShot.")
{
    searchStep,
    endToEnd,
    operations,
    lossCurve,
    bulkScoring,
    memoryPlan,
    spaces,
    trainingMemory,
    trainStep,
    rankCorrelation,
    rankingMemory,
    serviceLoad,
    pruning,
    agreement,
    startUp,
    child,
    trainingChild,
    stepChild,
    pruningChild,
    rankedChild,
}.With([
    .. YardstickCommands.All(), SearchYield.Command(json, data), .. GpuCommands.All(), .. CompareCommand.All(), .. BudgetsCommand.All(),
    ClusterSimulation.Command(), ClusterNoOps.Command(),
])
    .Parse(args).Invoke();

Pruning.Case RankedSetting(ParseResult parsed) => new(Pruning.Exact, parsed.GetValue(channels), parsed.GetValue(cells),
    parsed.GetValue(partial), parsed.GetValue(rankedBatch), parsed.GetValue(rankedBatches), parsed.GetValue(initializations));
