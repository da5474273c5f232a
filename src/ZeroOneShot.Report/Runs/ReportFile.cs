using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Report;

/// <summary>A <see cref="RunReport"/> as JSON.</summary>
internal sealed record ReportFile
{
    private const int Format = 1;

    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    public required int Version { get; init; }

    public required string Title { get; init; }

    public string? Running { get; init; }

    public string? Command { get; init; }

    public string? CommandNote { get; init; }

    public IReadOnlyList<ReportFact> Asked { get; init; } = [];

    public IReadOnlyList<string> Warnings { get; init; } = [];

    public IReadOnlyList<StageFigures> Stages { get; init; } = [];

    public required string Space { get; init; }

    public string? Genotype { get; init; }

    public JsonNode? Mask { get; init; }

    public IReadOnlyList<Importance> Importances { get; init; } = [];

    public IReadOnlyList<Moment> Course { get; init; } = [];

    public IReadOnlyList<Epoch> SearchEpochs { get; init; } = [];

    public IReadOnlyList<IReadOnlyDictionary<string, IReadOnlyList<float>>> AlphasOfEpochs { get; init; } = [];

    public IReadOnlyList<Candidate> RankedCandidates { get; init; } = [];

    public IReadOnlyList<TrainingEpoch> TrainingEpochs { get; init; } = [];

    public int? BestEpoch { get; init; }

    public Results? Test { get; init; }

    public double? LinearAccuracy { get; init; }

    public InferenceFigures? Inference { get; init; }

    public IReadOnlyList<ReportFact> Settings { get; init; } = [];

    public IReadOnlyList<ReportFact> Versions { get; init; } = [];

    public static string Write(RunReport report) => ChecksummedJson.Sign(JsonSerializer.Serialize(
        new ReportFile
        {
            Version = Format,
            Title = report.Title,
            Running = report.Running,
            Command = report.Command,
            CommandNote = report.CommandNote,
            Asked = report.Asked,
            Warnings = report.Warnings,
            Stages = report.Stages,
            Space = report.Space.Name,
            Genotype = report.Genotype?.ToString(),
            Mask = report.Mask is null ? null : JsonNode.Parse(report.Mask.ToJson()),
            Importances = [.. report.Importances.Select(of => new Importance(
                of.Kind.ToString(), of.Edge, report.Space.Operations[of.Operation].Name, of.Importance))],
            Course = [.. report.Course.Select(of => new Moment(
                of.Stage.ToString(), of.Epoch, of.Loss, of.Accuracy, of.ValidationLoss, of.ValidationAccuracy))],
            SearchEpochs = [.. report.SearchEpochs.Select(epoch => new Epoch(
                epoch.Loss, epoch.Accuracy, epoch.SearchLoss, epoch.SearchAccuracy, epoch.Genotype.ToString()))],
            AlphasOfEpochs = [.. report.AlphasOfEpochs.Select(alphas => alphas.ToDictionary(of => of.Key.ToString(), of => of.Value))],
            RankedCandidates = [.. report.RankedCandidates.Select(of => new Candidate(of.Score, of.Values, of.Genotype.ToString()))],
            TrainingEpochs = report.TrainingEpochs,
            BestEpoch = report.BestEpoch,
            Test = report.Test is { } test
                ? new Results(
                    test.ClassNames, test.Predictions, [.. test.Mistakes.Select(Picture.Of)], [.. test.Correct.Select(Picture.Of)])
                : null,
            LinearAccuracy = report.LinearAccuracy,
            Inference = report.Inference,
            Settings = report.Settings,
            Versions = report.Versions,
        },
        s_json));

    /// <exception cref="FormatException">The text is no report.</exception>
    public static RunReport Read(string json, SearchSpace? space)
    {
        try
        {
            var file = JsonSerializer.Deserialize<ReportFile>(ChecksummedJson.Verify(json), s_json)
                ?? throw new FormatException("The report is null; expected an object.");
            if (file.Version != Format)
            {
                throw new FormatException($"The report is of version {file.Version} of its format; expected {Format}. " +
                    "Use the version of ZeroOneShot that wrote it.");
            }
            if (file.Lists.Any(list => list.Contains(null)))
                throw new FormatException("The report has a null in a list; expected values.");
            space ??= SearchSpace.Named(file.Space);
            if (space.Name != file.Space)
                throw new FormatException($"The report is of search space '{file.Space}'; expected '{space.Name}'.");
            return file.In(space);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            throw new FormatException($"The text is no report: {e.Message}", e);
        }
    }

    // Null among the elements of a list is what System.Text.Json does not know to refuse.
    private IEnumerable<IEnumerable<object?>> Lists =>
    [
        Asked, Warnings, Stages, Importances, Course, SearchEpochs, RankedCandidates, TrainingEpochs, Settings, Versions,
        .. Test is null ? (IEnumerable<object?>[])[] : [Test.ClassNames, Test.Predictions, Test.Mistakes, Test.Correct],
        AlphasOfEpochs, .. AlphasOfEpochs.Where(alphas => alphas is not null).Select(alphas => alphas.Values),
    ];

    private RunReport In(SearchSpace space) => new()
    {
        Title = Title,
        Running = Running,
        Command = Command,
        CommandNote = CommandNote,
        Asked = Asked,
        Warnings = Warnings,
        Stages = Stages,
        Space = space,
        Genotype = Genotype is null ? null : SearchSpaces.Genotype.Parse(Genotype),
        Mask = Mask is null ? null : OperationMask.FromJson(Mask.ToJsonString(), space),
        Importances = [.. Importances.Select(of => new CandidateImportance(
            Kind(of.Cell), of.Edge, space.IndexOf(space.Operation(of.Operation).Name), [], of.Value))],
        Course = [.. Course.Select(of => new RunProgress
        {
            Stage = Enum.TryParse<RunStage>(of.Stage, out var stage) && Enum.IsDefined(stage)
                ? stage : throw new FormatException($"The report names a stage '{Markup.Shorten(of.Stage, 60)}'."),
            Epoch = of.Epoch,
            Loss = of.Loss,
            Accuracy = of.Accuracy,
            ValidationLoss = of.ValidationLoss,
            ValidationAccuracy = of.ValidationAccuracy,
            Elapsed = TimeSpan.Zero,
        })],
        SearchEpochs = [.. SearchEpochs.Select(epoch => new SearchEpoch(
            epoch.Loss, epoch.Accuracy, epoch.SearchLoss, epoch.SearchAccuracy, SearchSpaces.Genotype.Parse(epoch.Genotype)))],
        AlphasOfEpochs = [.. AlphasOfEpochs.Select(alphas => alphas.ToDictionary(of => Kind(of.Key), of => of.Value))],
        RankedCandidates =
            [.. RankedCandidates.Select(of => new RankedCandidate(SearchSpaces.Genotype.Parse(of.Genotype), of.Values, of.Score))],
        TrainingEpochs = TrainingEpochs,
        BestEpoch = BestEpoch,
        Test = Test is null ? null : new TestResults
        {
            ClassNames = Test.ClassNames,
            Predictions = Test.Predictions,
            Mistakes = [.. Test.Mistakes.Select(picture => picture.Read())],
            Correct = [.. Test.Correct.Select(picture => picture.Read())],
        },
        LinearAccuracy = LinearAccuracy,
        Inference = Inference,
        Settings = Settings,
        Versions = Versions,
    };

    private static CellKind Kind(string name) => Enum.TryParse<CellKind>(name, out var kind) && Enum.IsDefined(kind)
        ? kind
        : throw new FormatException($"The report names a cell '{Markup.Shorten(name, 60)}'; expected Normal or Reduction.");

    internal sealed record Importance(string Cell, int Edge, string Operation, double Value);

    internal sealed record Moment(
        string Stage, int Epoch, double? Loss, double? Accuracy, double? ValidationLoss, double? ValidationAccuracy);

    internal sealed record Epoch(double Loss, double Accuracy, double? SearchLoss, double? SearchAccuracy, string Genotype);

    internal sealed record Candidate(double Score, IReadOnlyList<double> Values, string Genotype);

    internal sealed record Results(
        IReadOnlyList<string> ClassNames, IReadOnlyList<TestPrediction> Predictions, IReadOnlyList<Picture> Mistakes,
        IReadOnlyList<Picture> Correct);

    internal sealed record Picture(TestPrediction Prediction, byte[] Png)
    {
        public static Picture Of(TestPicture picture) => new(picture.Prediction, [.. picture.Png]);

        public TestPicture Read() => new(Prediction, Png);
    }
}
