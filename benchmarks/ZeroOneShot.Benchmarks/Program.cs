// dotnet run -c Release --project benchmarks/ZeroOneShot.Benchmarks -- NAME [options]: see --help.
using System.CommandLine;
using ZeroOneShot.Benchmarks;
using ZeroOneShot.OneShot;

var json = new Option<FileInfo?>("--json") { Description = "Write the rows to this file as well." };
var methods = new Option<string[]>("--methods")
{
    Description = "Methods of Table 1 that search.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => [.. SearchStep.OneShotMethods.Select(method => method.Name)],
};
var evaluations = new Option<string[]>("--evaluations")
{
    Description = $"How a step is computed: {string.Join(", ", Measurement.Evaluations)}.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => [.. Measurement.Evaluations],
};
evaluations.AcceptOnlyFromAmong([.. Measurement.Evaluations]);
var batches = new Option<int[]>("--batches")
{
    Description = "Batch sizes.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => [8, 16, 32, 64],
};
var channels = new Option<int>("--channels") { Description = "Channels of the first cells.", DefaultValueFactory = _ => 16 };
var cells = new Option<int>("--cells") { Description = "Cells.", DefaultValueFactory = _ => 8 };
var repetitions = new Option<int>("--repetitions") { Description = "Steps timed, of which the median is shown.", DefaultValueFactory = _ => 3 };

var searchStep = new Command("search-step", "Peak memory and time of one architecture and one weights step, per method, evaluation and batch size.")
{
    json, methods, evaluations, batches, channels, cells, repetitions,
};
searchStep.SetAction(parsed => SearchStep.Run(
    [.. parsed.GetValue(methods)!.Select(SearchMethod.Parse)], parsed.GetValue(evaluations)!, parsed.GetValue(batches)!,
    new Shape(parsed.GetValue(channels), parsed.GetValue(cells)), parsed.GetValue(repetitions), parsed.GetValue(json)));

var endToEnd = new Command("end-to-end", "The share of time of every stage: pruning, one epoch of search, one of training.") { json, channels, cells };
endToEnd.SetAction(parsed => EndToEnd.Run(new Shape(parsed.GetValue(channels), parsed.GetValue(cells)), parsed.GetValue(json)));

var memoryPlan = new Command("memory-plan", "The peak memory of twelve searches as predicted before they start, and as measured.") { json };
memoryPlan.SetAction(parsed => MemoryPlan.Run(parsed.GetValue(json)));

var one = new Argument<string>("measurement");
var child = new Command(Measurement.Command, "What search-step and memory-plan run in processes of its own.") { one };
child.Hidden = true;
child.SetAction(parsed => Console.WriteLine(Measurement.Parse(parsed.GetValue(one)!).Take().ToJson()));

return new RootCommand("Benchmarks of ZeroOneShot.") { searchStep, endToEnd, memoryPlan, child }.Parse(args).Invoke();
