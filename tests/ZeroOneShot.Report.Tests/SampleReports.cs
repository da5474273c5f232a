using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Report.Tests;

/// <summary>Reports of runs that nobody made, of all kinds of sizes and names.</summary>
internal static class SampleReports
{
    /// <summary>What would change the page's title, if anything of it ran.</summary>
    public const string Attack = "</td></table><script>document.title='attacked'</script><img src=x onerror=\"document.title='attacked'\">";

    public static byte[] Png { get; } = Convert.FromBase64String(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");

    /// <summary>Two classes, and everything known.</summary>
    public static RunReport Two => Whole("Cats and dogs", ["cat", "dog"], 40);

    /// <summary>A hundred classes, whose names are up to 300 characters long and anything but tame.</summary>
    public static RunReport Hundred => Whole(Attack, [.. Enumerable.Range(0, 100).Select(NameOf)], 1000);

    /// <summary>As many classes as the largest table of counts has, with the same names.</summary>
    public static RunReport Twenty => Whole("Twenty", [.. Enumerable.Range(0, 20).Select(NameOf)], 400);

    private static string NameOf(int label) => (label % 5) switch
    {
        0 => $"{label} {Attack}",
        1 => $"{label} " + new string('x', 300 - $"{label} ".Length),
        2 => $"{label} \u202Etxet desrever \u0000\u001b[31m\ud800 & \"quoted\" 'names' \u2028",
        3 => $"{label} " + string.Join(' ', Enumerable.Repeat("many words", 29)),
        _ => $"{label} \u05e9\u05dc\u05d5\u05dd \u4f60\u597d \U0001f431",
    };

    private static RunReport Whole(string title, string[] classes, int images)
    {
        var random = new Random(1);
        var mask = RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 1);
        var predictions = Enumerable.Range(0, images).Select(i =>
        {
            var label = i % classes.Length;
            var predicted = random.NextDouble() < 0.7 ? label : random.Next(classes.Length);
            return new TestPrediction($"{Attack}/{i}.png", label, predicted, random.NextDouble());
        }).ToArray();
        return new RunReport
        {
            Title = title,
            Command = $"zeroone fit '{Attack}' --minutes 5 --seed 1",
            Asked = [new("Data", Attack), new("Budget", "5 minutes"), new("Method", "Zero-One-Shot")],
            Warnings = ["There are few images."],
            Stages =
            [
                new("prune") { PlannedTime = TimeSpan.FromSeconds(20), Time = TimeSpan.FromSeconds(18.4), PlannedMemory = 300 << 20 },
                new("search") { PlannedTime = TimeSpan.FromMinutes(1), Time = TimeSpan.FromSeconds(59), Memory = 400 << 20 },
                new("train") { PlannedTime = TimeSpan.FromHours(3), Time = TimeSpan.FromHours(2.9), PlannedMemory = 3L << 30 },
            ],
            Genotype = PublishedGenotypes.DartsV2,
            Mask = mask,
            Importances =
            [
                .. mask.AllLive.Select(at => new CandidateImportance(at.Kind, at.Edge, at.Operation, [], random.NextDouble() - 0.3)),
            ],
            SearchEpochs = [.. Enumerable.Range(0, 12).Select(epoch => new SearchEpoch(
                2.3 / (epoch + 1), 0.1 + epoch * 0.05, epoch < 4 ? null : 2.4 / (epoch + 1), epoch < 4 ? null : 0.1 + epoch * 0.04,
                PublishedGenotypes.DartsV2))],
            AlphasOfEpochs = [.. Enumerable.Range(0, 12).Select(epoch => SearchSpace.Darts.Kinds.ToDictionary(
                kind => kind, IReadOnlyList<float> (_) => [.. Enumerable.Range(0,
                    14 * 8).Select(i => (float)(epoch * Math.Sin(i) * 0.2))]))],
            RankedCandidates = [.. Enumerable.Range(0, 60).Select(
                place => new RankedCandidate(PublishedGenotypes.DartsV2, [place, 1.5], 118 - 1.7 * place))],
            CommandNote = "It gives the same model, bit for bit.",
            TrainingEpochs = [.. Enumerable.Range(0, 30).Select(epoch =>
                new TrainingEpoch(2.3 / (epoch + 1), 1 - 0.9 / (epoch + 1), 2.5 / (epoch + 1), 0.95 - 0.85 / (epoch + 1)))],
            BestEpoch = 28,
            Test = new TestResults
            {
                ClassNames = classes,
                Predictions = predictions,
                Mistakes = [.. predictions.Where(of => of.Label != of.Predicted).Take(24).Select(of => new TestPicture(of, Png))],
                Correct = [.. predictions.Where(of => of.Label == of.Predicted).Take(12).Select(of => new TestPicture(of, Png))],
            },
            LinearAccuracy = 0.61,
            Inference = new() { Parameters = 123_456, MultiplyAdds = 45_678_901, FileBytes = 1 << 20, Milliseconds = 1.23 },
            Settings = [.. Enumerable.Range(0, 30).Select(i => new ReportFact($"train.setting_{i}", $"{i * 0.5}"))],
            Versions = [new("zero_one_shot", "0.1.0")],
        };
    }
}
