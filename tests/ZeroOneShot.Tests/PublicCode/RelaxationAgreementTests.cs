using System.Text.Json;
using System.Text.RegularExpressions;
using TorchSharp;
using Xunit;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.PublicCode;

/// <summary>FairDARTS and GDAS.</summary>
public sealed partial class RelaxationAgreementTests
{
    private const double Bound = 1e-10;

    public static TheoryData<SupernetEvaluation> Evaluations => [.. BothWays.Evaluations];

    public static TheoryData<SupernetEvaluation, double> Samples => new(
        from evaluation in BothWays.Evaluations from temperature in (double[])[10, 0.5] select (evaluation, temperature));

    [Theory]
    [MemberData(nameof(Evaluations))]
    public void FairDarts_mixes_and_learns_as_the_public_code(SupernetEvaluation evaluation)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording("fairdarts.safetensors", Golden2.Folder);
        var deviations = new Deviations($"{recording.Name}, {evaluation}", Bound);
        var method = SearchMethod.FairDarts;
        var mask = OperationMask.Full(recording.Space());
        using var supernet = Supernet(recording, mask, normalized: false);
        ModuleWeights.Load(supernet, recording.File, "param/", [], parametersOnly: true);
        using var architecture = new ArchitectureParameters(mask, edgeNormalization: false, ScalarType.Float64);
        Fill(architecture, recording, "arch/alphas_normal", "arch/alphas_reduce");
        using var random = RandomStream.Of(1, "not used");
        using var mixture = method.Relaxation.Mix(architecture, default, random);

        var crossEntropy = Gradient(recording, supernet, mixture, evaluation, "", deviations);
        var term = Assert.Single(method.LossTerms).Loss(architecture, method.Relaxation, default)!;
        term.backward();
        deviations.Add("cross entropy", crossEntropy, recording.Expected("cross_entropy"));
        deviations.Add("zero-one loss", term / 10, recording.Expected("separate_loss"));
        deviations.Add("loss", crossEntropy + term, recording.Expected("loss"));
        CompareAlphas(architecture, recording, "grad/alphas_normal", "grad/alphas_reduce", deviations);
        var weights = supernet.named_parameters().ToDictionary(parameter => parameter.name, parameter => parameter.parameter);
        foreach (var name in recording.Under("grad_param/"))
        {
            deviations.Add(name, weights[name].grad!, recording.Expected("grad_param/" + name));
            weights.Remove(name);
        }
        Assert.Empty(weights);
        deviations.Check();
    }

    [Theory]
    [InlineData("l2", 7)]
    [InlineData("l2", 8)]
    [InlineData("l1", 7)]
    [InlineData("l1", 8)]
    public void The_zero_one_loss_has_the_value_and_gradient_of_the_public_code(string variant, int operations)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording("fairdarts.safetensors", Golden2.Folder);
        var prefix = $"zero_one_{variant}/14x{operations}/";
        var deviations = new Deviations(prefix, Bound);
        var space = new SearchSpace("recorded", new CellTopology(4), [.. SearchSpace.Darts.Operations.TakeLast(operations)]);
        using var architecture = new ArchitectureParameters(OperationMask.Full(space), edgeNormalization: false, ScalarType.Float64);
        Fill(architecture, recording, prefix + "alphas_normal", prefix + "alphas_reduce");
        var loss = new ZeroOneLoss(Weight: 1, Absolute: variant == "l1").Loss(architecture, new SigmoidRelaxation(), default)!;
        loss.backward();
        deviations.Add("value", loss, recording.Expected(prefix + "value"));
        CompareAlphas(architecture, recording, prefix + "grad_normal", prefix + "grad_reduce", deviations);
        deviations.Check();
    }

    [Fact]
    public void FairDarts_reads_what_the_public_code_reads()
    {
        var recorded = JsonDocument.Parse(File.ReadAllText(Golden2.File("fairdarts_genotypes.json"))).RootElement;
        var names = recorded.GetProperty("primitives").Deserialize<string[]>()!;
        var space = new SearchSpace("recorded", new CellTopology(4), [.. names.Select(SearchSpace.Darts.Operation)]);
        var relaxation = new SigmoidRelaxation();
        var cases = recorded.GetProperty("cases").EnumerateArray().ToArray();
        Assert.NotEmpty(cases);
        foreach (var (number, one) in cases.Index())
        {
            using var scope = NewDisposeScope();
            using var architecture = new ArchitectureParameters(OperationMask.Full(space), edgeNormalization: false, ScalarType.Float64);
            foreach (var (kind, name) in new[] { (CellKind.Normal, "normal"), (CellKind.Reduction, "reduce") })
            {
                using (no_grad())
                {
                    var alphas = one.GetProperty("alphas_" + name).Deserialize<double[][]>()!;
                    architecture.Alphas(kind).copy_(tensor([.. alphas.SelectMany(row => row)], [14, names.Length]));
                }
            }
            foreach (var (kind, name) in new[] { (CellKind.Normal, "normal"), (CellKind.Reduction, "reduce") })
            {
                var threshold = one.GetProperty("threshold").GetDouble();
                var expected = string.Join(", ", one.GetProperty(name).EnumerateArray()
                    .Select(edge => string.Join(" ", edge.EnumerateArray().Select(part => part.ToString()))));
                var method = one.GetProperty("method").GetString();
                var read = method switch
                {
                    "darts" => relaxation.Genotype(architecture).Cell(kind).Edges.Select(edge => $"{edge.Operation} {edge.Input}"),
                    "threshold_sparse" => relaxation.ReadSparse(architecture, kind, threshold).Select(Text),
                    "threshold_edge" => relaxation.ReadEveryEdge(architecture, kind, threshold).Select(Text),
                    _ => throw new InvalidDataException($"Case {number} is of an unknown method."),
                };
                Assert.True(expected == string.Join(", ", read),
                    $"case {number}, {method}, {kind}: {expected} / {string.Join(", ", read)}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{cases.Length} readings equal");

        static string Text(ReadEdge edge) => $"{edge.Operation} {edge.Node} {edge.Input}";
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Gdas_samples_mixes_and_learns_as_the_public_code(SupernetEvaluation evaluation, double temperature)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording("gdas_darts.safetensors", Golden2.Folder);
        var prefix = FormattableString.Invariant($"tau{temperature}/");
        var deviations = new Deviations($"{recording.Name}, {prefix} {evaluation}", Bound);
        var mask = OperationMask.Full(SpaceOfGdas(recording));
        using var supernet = Supernet(recording, mask, normalized: true);
        using (no_grad())
        {
            foreach (var (name, parameter) in supernet.named_parameters())
                parameter.copy_(recording.Expected("param/" + PublicName(name, mask.Space)));
        }
        using var architecture = new ArchitectureParameters(mask, edgeNormalization: false, ScalarType.Float64);
        Fill(architecture, recording, "arch/arch_normal_parameters", "arch/arch_reduce_parameters");
        using var mixture = new GumbelRelaxation().Mix(architecture, temperature, (kind, _) =>
        {
            var noise = -recording.Expected(prefix + "exponential_" + Name(kind)).log();
            deviations.Add($"noise, {kind}", noise, recording.Expected(prefix + "gumbel_" + Name(kind)));
            return noise;
        });
        foreach (var kind in SearchSpace.Darts.Kinds)
        {
            var index = recording.Input(prefix + "index_" + Name(kind), ScalarType.Int64).data<long>().ToArray();
            Assert.Equal(index, Enumerable.Range(0, 14).Select(edge => (long)mixture.Live.Live(kind, edge).Single()));
        }

        var loss = Gradient(recording, supernet, mixture, evaluation, prefix, deviations);
        deviations.Add("loss", loss, recording.Expected(prefix + "loss"));
        CompareAlphas(architecture, recording, prefix + "grad/arch_normal_parameters", prefix + "grad/arch_reduce_parameters", deviations);
        if (recording.Under(prefix + "grad_param/").Any())
        {
            var nonZero = recording.Under(prefix + "grad_param/").Where(name => !IsBiasOfConvolution(name)).ToHashSet();
            foreach (var (name, parameter) in supernet.named_parameters())
            {
                var gradient = parameter.grad ?? zeros_like(parameter);
                if (nonZero.Remove(PublicName(name, mask.Space)))
                    deviations.Add(name, gradient, recording.Expected($"{prefix}grad_param/{PublicName(name, mask.Space)}"));
                else
                    deviations.Add(name, gradient, zeros_like(parameter));
            }
            Assert.Empty(nonZero);
        }
        deviations.Check();
    }

    [Fact]
    public void Gdas_reads_the_genotype_of_the_public_code()
    {
        using var scope = NewDisposeScope();
        var recording = new Recording("gdas_darts.safetensors", Golden2.Folder);
        var mask = OperationMask.Full(SpaceOfGdas(recording));
        using var architecture = new ArchitectureParameters(mask, edgeNormalization: false, ScalarType.Float64);
        Fill(architecture, recording, "arch/arch_normal_parameters", "arch/arch_reduce_parameters");
        var genotype = new GumbelRelaxation().Genotype(architecture);
        var expected = JsonDocument.Parse(recording.Text("genotype")).RootElement;
        foreach (var (kind, name) in new[] { (CellKind.Normal, "normal"), (CellKind.Reduction, "reduce") })
        {
            Assert.Equal(
                expected.GetProperty(name).EnumerateArray().SelectMany(node => node.EnumerateArray())
                    .Select(edge => new GenotypeEdge(edge[0].GetString()!, edge[1].GetInt32())),
                genotype.Cell(kind).Edges);
        }
        var last = genotype.Normal.Edges.TakeLast(2).ToArray();
        Assert.Equal(last[0].Input, last[1].Input);          // one state gives both edges, which DARTS does not allow
    }

    private static string Name(CellKind kind) => kind == CellKind.Normal ? "normal" : "reduce";

    private static Supernet Supernet(Recording recording, OperationMask mask, bool normalized)
    {
        var options = new SupernetOptions
        {
            Channels = recording.Number("channels"), Cells = recording.Number("cells"), PartialChannels = 1, NormalizedOutput = normalized,
        };
        var supernet = new Supernet(mask, options, inputChannels: 3, recording.Number("classes"));
        supernet.to(ScalarType.Float64);
        supernet.train();
        return supernet;
    }

    /// <summary>The loss; gradients go to weights and alphas.</summary>
    private static Tensor Gradient(
        Recording recording, Supernet supernet, Mixture mixture, SupernetEvaluation evaluation, string prefix, Deviations deviations)
    {
        var (images, labels) = (recording.Expected("images"), recording.Input("labels", ScalarType.Int64));
        if (evaluation == SupernetEvaluation.Lean)
        {
            var (logits, loss) = new LeanSupernet(supernet).Gradient(images, labels, mixture, mixing: true);
            deviations.Add("logits", logits, recording.Expected(prefix + "logits"));
            return loss;
        }
        var output = supernet.forward(images, mixture);
        var crossEntropy = nn.functional.cross_entropy(output, labels);
        crossEntropy.backward();
        deviations.Add("logits", output, recording.Expected(prefix + "logits"));
        return crossEntropy;
    }

    private static void Fill(ArchitectureParameters architecture, Recording recording, string normal, string reduction)
    {
        using var _ = no_grad();
        architecture.Alphas(CellKind.Normal).copy_(recording.Expected(normal));
        architecture.Alphas(CellKind.Reduction).copy_(recording.Expected(reduction));
    }

    private static void CompareAlphas(
        ArchitectureParameters architecture, Recording recording, string normal, string reduction, Deviations deviations)
    {
        deviations.Add(normal, architecture.Alphas(CellKind.Normal).grad!, recording.Expected(normal));
        deviations.Add(reduction, architecture.Alphas(CellKind.Reduction).grad!, recording.Expected(reduction));
    }

    /// <summary>
    /// The recorded operations: those of DARTS under other names and in another order, poolings without a batch norm behind them.
    /// </summary>
    private static SearchSpace SpaceOfGdas(Recording recording) => new("recorded", new CellTopology(4),
    [
        .. recording.Texts("operations").Select(name => name switch
        {
            // A second pooling of one pixel changes nothing.
            "max_pool_3x3" => new CandidateOperation(name, stride => [new MaxPool(3, stride), new MaxPool(1, 1)]),
            "avg_pool_3x3" => new CandidateOperation(name, stride => [new AveragePool(3, stride), new AveragePool(1, 1)]),
            _ => new CandidateOperation(
                name, SearchSpace.Darts.Operation(name.Replace("dua_sepc", "sep_conv").Replace("dil_sepc", "dil_conv")).Layers),
        }),
    ]);

    /// <summary>The name of one of our parameters in the public code.</summary>
    private static string PublicName(string name, SearchSpace space)
    {
        var match = OnAnEdge().Match(name);
        if (!match.Success)
            return Factorized(name);
        var (from, node) = space.Topology.Ends(int.Parse(match.Groups["edge"].Value));
        var (row, rest) = (int.Parse(match.Groups["row"].Value), match.Groups["rest"].Value);
        if (space.Operations[row].Name.StartsWith("dua_sepc", StringComparison.Ordinal))
        {
            rest = rest.Replace("op.1.", "op_a.op.1.").Replace("op.2.", "op_a.op.2.")
                .Replace("op.5.", "op_b.op.1.").Replace("op.6.", "op_b.op.2.");
        }
        return $"cells.{match.Groups["cell"].Value}.edges.{node}<-{from}._ops.{row}.{Factorized(rest)}";

        static string Factorized(string name) => name.Replace("conv_1.", "convs.0.").Replace("conv_2.", "convs.1.");
    }

    /// <summary>In front of a batch norm a bias does nothing; ours have none.</summary>
    private static bool IsBiasOfConvolution(string name) =>
        name.EndsWith(".bias", StringComparison.Ordinal) && name.StartsWith("cells.", StringComparison.Ordinal);

    [GeneratedRegex(@"^cells\.(?<cell>\d+)\._ops\.(?<edge>\d+)\._ops\.(?<row>\d+)\.(?<rest>.*)$")]
    private static partial Regex OnAnEdge();
}
