using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using TorchSharp;
using Xunit;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.PublicCode;

/// <summary>
/// Ranking functions against the public code they are named after, on its networks, images and weights, in double precision.
/// </summary>
public sealed partial class RankingFunctionAgreementTests
{
    private const double Bound = 1e-8;

    // In NASLib's networks of NAS-Bench-301 the poolings of chosen edges are normalised, too.
    private static readonly SearchSpace s_benchmark = new("nas-bench-301", new CellTopology(nodes: 4),
        [.. SearchSpace.Darts.Operations.Select(row => row.IsNormalizedInSearch
            ? new CandidateOperation(row.Name, stride => [.. row.Layers(stride), new BatchNorm()])
            : row)]);

    // Of the twelve a published one, a random one, one with random batch norms, and the one without convolutions; GOLDEN2_DIR: all.
    public static TheoryData<int> Numbers => Environment.GetEnvironmentVariable("GOLDEN2_DIR") is { Length: > 0 }
        ? [.. Enumerable.Range(0, Described().Length)]
        : [0, 8, Array.FindIndex(Described(), network => network.RandomBatchNorm),
            Array.FindIndex(Described(), network => network.Label == "no_convolutions")];

    public static TheoryData<int> Numbers201 => [.. Enumerable.Range(0, Described201().Length)];

    [Theory]
    [MemberData(nameof(Numbers))]
    public void Every_function_gives_what_the_public_code_gives(int number)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording("ranking_functions.safetensors", Golden2.Folder);
        var deviations = new Deviations($"{Described()[number].Label}, network {number}", Bound);
        var prefix = $"net{number}/";
        using var network = Network(recording, number);
        var (images, labels) = (recording.Input("images", ScalarType.Float64), recording.Input("labels", ScalarType.Int64));
        using var ranked = Ranked(network, [images], [labels]);
        deviations.Add("logits", ranked.Logits, recording.Expected(prefix + "train/logits"));

        foreach (var (function, name) in new (IRankingFunction, string)[]
        {
            (new Fisher(), "naslib/fisher"), (new GradientNorm(), "naslib/grad_norm"), (new Grasp(), "naslib/grasp"),
            (new L2Norm(), "naslib/l2_norm"), (new Naswot(), "naslib/nwot"), (new Plain(), "naslib/plain"), (new Snip(), "naslib/snip"),
            (new JacobianCovariance(), "naslib/jacov_eval"), (new EpeNas(), "naslib/epe_nas_eval"), (new Zico(), "zico"),
            (new SynFlow(), "naslib/synflow_log"), (new Swap(images: 32), "swap/given_weights"),
            (new NngpNorm(), "etenas/nngp_frobenius_correlation_logits_train"),
            (new NngpNorm(features: true), "etenas/nngp_frobenius_correlation_features_train"),
        })
        {
            Compare(name, Rank(ranked, function));
        }
        Compare("naslib/synflow", SynFlow.Sum(ranked));
        // K = F F' there, F F' / C here, C being the number of columns.
        Compare("etenas/nngp_frobenius_raw_logits_train", Rank(ranked, new NngpNorm(correlation: false)) * network.Classes);
        Compare("etenas/nngp_frobenius_raw_features_train",
            Rank(ranked, new NngpNorm(correlation: false, features: true)) * network.Plan.Output.Channels);

        using (var few = Ranked(network, [images[..8]], [labels[..8]]))
        {
            Compare("az_nas/expressivity", Rank(few, new AzExpressivity()));
            Compare("az_nas/progressivity", Rank(few, new AzProgressivity()));
            Compare("az_nas/trainability", AzTrainability.Of(few, images[..8], (item, _) =>
                recording.Input($"az_nas/noise{item}", ScalarType.Float64).to(ScalarType.Float64) * 2 - 1));
        }
        using (var regions = recording.Input("regions/images", ScalarType.Float64))
            Compare("etenas/linear_regions_train", LinearRegions.Count(ranked, regions));
        foreach (var training in (bool[])[true, false])
        {
            deviations.Add($"kernel, training {training}", NtkCondition.Kernel(ranked, images[..16], training),
                recording.Expected($"{prefix}ntk/kernel_{(training ? "train" : "eval")}"));
        }
        var kernel = NtkCondition.Kernel(ranked, images[..16], training: false);
        Compare("etenas/ntk_condition_eval", NtkCondition.Condition(kernel));

        if (recording.Under(prefix + "zen/state/").Any())
        {
            Load(network, recording, prefix + "zen/state/");
            Compare("naslib/zen", Zen.Of(ranked, recording.Input("zen/input", ScalarType.Float64),
                recording.Input("zen/input2", ScalarType.Float64)));
            Compare("swap/gaussian_weights", Rank(ranked, new Swap(images: 32)));
        }
        deviations.Check();

        void Compare(string name, double ours)
        {
            var expected = recording.Expected($"{prefix}value/{name}").to(ScalarType.Float64).item<double>();
            if (!(double.IsInfinity(expected) && ours.Equals(expected)))
                deviations.Add($"{name} ({ours:R}, expected {expected:R})", ours, expected);
        }
    }

    [Theory]
    [MemberData(nameof(Numbers201))]
    public void Networks_of_NAS_Bench_201_are_ranked_as_the_public_code_does_in_training_mode_too(int number)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording("nasbench201_networks.safetensors", Golden2.Folder);
        var deviations = new Deviations($"NAS-Bench-201, network {number}", Bound);
        var prefix = $"net{number}/";
        var options = new CellNetOptions { Channels = recording.Number("channels"), Cells = 3 * recording.Number("cells_per_stage") };
        using var network = new CellNet(
            Genotype.Parse(Described201()[number].Arch), options, inputChannels: 3, recording.Number("classes"), SearchSpace.NasBench201);
        Untracked(network);
        Load(network, recording, prefix + "state/");
        var (images, labels) = (recording.Input("images", ScalarType.Float64), recording.Input("labels", ScalarType.Int64));
        using var ranked = Ranked(network, [images], [labels]);
        Compare("nngp_frobenius_correlation_logits_train", Rank(ranked, new NngpNorm()));
        Compare("az_nas_expressivity", Rank(ranked, new AzExpressivity()));
        Compare("az_nas_progressivity", Rank(ranked, new AzProgressivity()));
        Compare("az_nas_trainability", AzTrainability.Of(ranked, images, (item, _) =>
            recording.Input($"az_nas/noise{item}", ScalarType.Float64).to(ScalarType.Float64) * 2 - 1));
        // Those in evaluation mode were recorded at running statistics that are not.
        var kernel = NtkCondition.Kernel(ranked, images, training: true);
        deviations.Add("kernel", kernel, recording.Expected($"{prefix}ntk/kernel_train"));
        // Beyond this it is rounding: of the network without any connection.
        if (recording.Expected($"{prefix}value/ntk_condition_train").item<double>() is > 0 and < 1e6)
            Compare("ntk_condition_train", NtkCondition.Condition(kernel));
        deviations.Check();

        void Compare(string name, double ours)
        {
            var expected = recording.Expected($"{prefix}value/{name}").item<double>();
            // What is no number, without any connection, becomes minus infinity there; here either is refused.
            if (!(double.IsNegativeInfinity(expected) && !double.IsFinite(ours)))
                deviations.Add($"{name} ({ours:R}, expected {expected:R})", ours, expected);
        }
    }

    private static double Rank(RankedNetwork network, IRankingFunction function)
    {
        network.Asking = function;
        return function.Rank(network);
    }

    private static RankedCellNet Ranked(CellNet network, Tensor[] images, Tensor[] labels) =>
        new(network, new RankingBatches([.. images], [.. labels]), network.Classes);

    private static CellNet Network(Recording recording, int number)
    {
        var described = Described()[number];
        var options = new CellNetOptions
        {
            Channels = JsonSerializer.Deserialize<int[]>(recording.Text("channels"))![0], Cells = recording.Number("cells"),
            AuxiliaryHead = false, AffineOperations = false,
        };
        var network = new CellNet(
            new Genotype(Cell(described.Normal), Cell(described.Reduce)), options, inputChannels: 3, recording.Number("classes"),
            s_benchmark);
        Untracked(network);
        Load(network, recording, $"net{number}/state/");
        return network;

        static CellGenotype Cell(JsonElement[][] edges) =>
            new(edges.Select(edge => new GenotypeEdge(edge[0].GetString()!, edge[1].GetInt32())));
    }

    // What is not recorded is as it begins: batch norms scale 1, shift 0, mean 0 and variance 1, and no biases.
    private static void Load(CellNet network, Recording recording, string prefix)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (name, parameter) in network.named_parameters())
        {
            if (recording.Has(prefix + name))
                parameter.copy_(recording.Expected(prefix + name));
            else
                parameter.fill_(parameter.ndim == 1 ? name.EndsWith("bias", StringComparison.Ordinal) ? 0 : 1 : double.NaN);
        }
        foreach (var (name, buffer) in network.named_buffers())
        {
            // The batch norm of a pooling has a name of its own there.
            var recorded = prefix + PoolingNorm().Replace(name, "${operation}.1.running");
            if (recording.Has(recorded))
                buffer.copy_(recording.Expected(recorded));
        }
    }

    [GeneratedRegex(@"(?<operation>_ops\.\d+)\.op\.1\.running")]
    private static partial Regex PoolingNorm();

    private static void Untracked(CellNet network)
    {
        network.to(ScalarType.Float64).train();
        foreach (var module in network.modules().OfType<IRepeatable>())
            module.Tracks = false;
    }

    private static Network301[] Described() => JsonSerializer.Deserialize<Network301[]>(
        new Recording("ranking_functions.safetensors", Golden2.Folder).Text("networks"), JsonSerializerOptions.Web)!;

    private static Network201[] Described201() => JsonSerializer.Deserialize<Network201[]>(
        new Recording("nasbench201_networks.safetensors", Golden2.Folder).Text("networks"), JsonSerializerOptions.Web)!;

    private sealed record Network301(
        string Label, JsonElement[][] Normal, JsonElement[][] Reduce,
        [property: JsonPropertyName("random_batch_norm")] bool RandomBatchNorm);

    private sealed record Network201(string Arch);
}
