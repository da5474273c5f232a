using System.Text.Json;
using TorchSharp;
using Xunit;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.PublicCode;

/// <summary>NAS-Bench-201 against its public code (xautodl).</summary>
public sealed class NasBench201AgreementTests
{
    private static SearchSpace Space => SearchSpace.NasBench201;

    public static TheoryData<int> Numbers => [.. Enumerable.Range(0, Described().Length)];

    [Theory]
    [MemberData(nameof(Numbers))]
    public void An_evaluation_network_computes_and_learns_what_the_public_code_does(int number)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording("nasbench201_networks.safetensors", Golden2.Folder);
        var deviations = new Deviations($"NAS-Bench-201, network {number}", 1e-10);
        using var network = Network(recording, number);
        var (images, labels) = (recording.Input("images", ScalarType.Float64), recording.Input("labels", ScalarType.Float64));
        var prefix = $"net{number}/";

        network.eval();
        deviations.Add("eval logits", network.forward(images), recording.Expected($"{prefix}eval/logits"));
        deviations.Add("eval logits in lanes", new LeanCellNet(network).Forward(images), recording.Expected($"{prefix}eval/logits"));
        network.train();
        deviations.Add("train logits", Logits(network, images), recording.Expected($"{prefix}train/logits"));

        var loss = nn.functional.cross_entropy(network.ForwardWithAuxiliary(images).Logits, labels);
        deviations.Add("loss", loss, recording.Expected($"{prefix}train/loss"));
        loss.backward();
        var autograd = Gradients(network);
        network.zero_grad();
        using var random = RandomStream.Of(1, "drop path");
        (_, loss) = new LeanCellNet(network).Gradient(images, labels, auxiliaryWeight: 0, dropPath: 0, random);
        deviations.Add("loss in lanes", loss, recording.Expected($"{prefix}train/loss"));
        foreach (var (name, gradient) in Gradients(network))
        {
            // A shift in front of a batch norm has no gradient but rounding.
            if (autograd[name].norm().item<double>() < 1e-12)
                Assert.InRange(gradient.norm().item<double>(), 0, 1e-12);
            else
                deviations.Add($"gradient of {name} in lanes", gradient, autograd[name]);
        }

        // The recorded gradients are all zero, which is what a weight without part is recorded with. Of those there can be, that of the
        // classifier follows from what is recorded besides: the features, the logits and the labels.
        var features = recording.Expected($"{prefix}train/features");
        var towards = recording.Expected($"{prefix}train/logits").softmax(1)
            - nn.functional.one_hot(labels, autograd["classifier.bias"].shape[0]);
        deviations.Add("gradient of the classifier", autograd["classifier.weight"], towards.t().matmul(features) / images.shape[0]);
        foreach (var name in recording.Under($"{prefix}train/grad/"))
        {
            if (recording.Expected($"{prefix}train/grad/{name}") is var expected && expected.abs().max().item<double>() > 0)
                deviations.Add($"gradient of {name}", autograd[name], expected);
        }
        deviations.Check();

        static Tensor Logits(CellNet network, Tensor images)
        {
            using var _ = no_grad();
            return new LeanCellNet(network).Forward(images);
        }

        static Dictionary<string, Tensor> Gradients(CellNet network) => network.named_parameters().ToDictionary(
            parameter => parameter.name, parameter => (parameter.parameter.grad ?? zeros_like(parameter.parameter)).clone());
    }

    [Fact]
    public void The_parameters_of_two_hundred_architectures_are_counted_exactly()
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Golden2.File("nasbench201_parameters.json")));
        var options = new CellNetOptions { Channels = 16, Cells = 15 };
        var cases = json.RootElement.GetProperty("cases").EnumerateArray().ToArray();
        Assert.Equal(200, cases.Length);
        foreach (var item in cases)
        {
            var text = item.GetProperty("arch").GetString()!;
            var genotype = Genotype.Parse(text);
            Assert.Equal(text, genotype.ToString());
            Assert.Equal(genotype, Genotype.FromJson(genotype.ToJson()));
            Assert.Equal(item.GetProperty("parameters").GetInt64(),
                NetworkCost.Of(genotype, options, new(3, 32, 32), classes: 10, Space).Parameters);
        }
    }

    [Theory]
    [InlineData("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")]
    [InlineData("|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|none~2|")]
    public void As_many_parameters_are_counted_as_a_network_has(string text)
    {
        var (genotype, options) = (Genotype.Parse(text), new CellNetOptions { Channels = 8, Cells = 4 });
        using var network = new CellNet(genotype, options, inputChannels: 3, classes: 10, Space);
        Assert.Equal(network.parameters().Sum(parameter => parameter.numel()),
            NetworkCost.Of(genotype, options, new(3, 32, 32), classes: 10, Space).Parameters);
    }

    [Theory]
    [InlineData(SupernetEvaluation.Plain)]
    [InlineData(SupernetEvaluation.Lean)]
    public void A_supernet_mixes_and_learns_as_the_public_code_does(SupernetEvaluation evaluation)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording("nasbench201_supernet_darts.safetensors", Golden2.Folder);
        var deviations = new Deviations($"NAS-Bench-201, supernet, {evaluation}", 1e-10);
        Assert.Equal(recording.Texts("operations"), Space.Operations.Select(operation => operation.Name));
        var mask = OperationMask.Full(Space);
        using var supernet = new Supernet(mask, Supernet(recording), inputChannels: 3, recording.Number("classes"));
        supernet.to(ScalarType.Float64).train();
        ModuleWeights.Load(supernet, recording.File, "param/", parametersOnly: true);
        using var architecture = new ArchitectureParameters(mask, edgeNormalization: false, ScalarType.Float64);
        using (no_grad())
            architecture.Alphas(CellKind.Normal).copy_(recording.Input("alphas", ScalarType.Float64));
        var (images, labels) = (recording.Input("images", ScalarType.Float64), recording.Input("labels", ScalarType.Float64));

        using var mixture = architecture.Mixture();
        Tensor logits, loss;
        if (evaluation == SupernetEvaluation.Lean)
        {
            (logits, loss) = new LeanSupernet(supernet).Gradient(images, labels, mixture, mixing: true);
        }
        else
        {
            logits = supernet.forward(images, mixture);
            loss = nn.functional.cross_entropy(logits, labels);
            loss.backward();
        }
        deviations.Add("logits", logits, recording.Expected("logits"));
        deviations.Add("loss", loss, recording.Expected("loss"));
        deviations.Add("gradient of alpha", architecture.Alphas(CellKind.Normal).grad!, recording.Expected("grad/alphas"));
        var parameters = supernet.named_parameters().ToDictionary(parameter => parameter.name, parameter => parameter.parameter);
        Assert.Equal(recording.Under("param/").Order(), parameters.Keys.Order());
        foreach (var name in recording.Under("grad_param/"))
        {
            var (ours, expected) = (parameters[name].grad!, recording.Expected($"grad_param/{name}"));
            // A bias in front of a batch norm has no gradient but rounding.
            if (name.Contains(".op.1.bias", StringComparison.Ordinal))
                Assert.InRange((ours - expected).abs().max().item<double>(), 0, 1e-12);
            else
                deviations.Add($"gradient of {name}", ours, expected);
        }
        deviations.Check();
        Assert.Equal(recording.Text("genotype"), architecture.Genotype().ToString());
    }

    public static TheoryData<SupernetEvaluation, double> Samples => new(
        from evaluation in BothWays.Evaluations from temperature in (double[])[10, 0.5] select (evaluation, temperature));

    [Theory]
    [MemberData(nameof(Samples))]
    public void Gdas_samples_mixes_and_learns_as_the_public_code(SupernetEvaluation evaluation, double temperature)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording("nasbench201_supernet_gdas.safetensors", Golden2.Folder);
        var prefix = FormattableString.Invariant($"tau{temperature}/");
        var deviations = new Deviations($"NAS-Bench-201, GDAS, {prefix} {evaluation}", 1e-10);
        var mask = OperationMask.Full(Space);
        using var supernet = new Supernet(mask, Supernet(recording), inputChannels: 3, recording.Number("classes"));
        supernet.to(ScalarType.Float64).train();
        ModuleWeights.Load(supernet, recording.File, "param/", parametersOnly: true);
        using var architecture = new ArchitectureParameters(mask, edgeNormalization: false, ScalarType.Float64);
        using (no_grad())
            architecture.Alphas(CellKind.Normal).copy_(recording.Expected("alphas"));
        var relaxation = new GumbelRelaxation { AddsIdleWeights = true };
        using var mixture = relaxation.Mix(architecture, temperature, (_, _) =>
        {
            var noise = -recording.Expected(prefix + "exponential").log();
            deviations.Add("noise", noise, recording.Expected(prefix + "gumbel"));
            return noise;
        });
        var index = recording.Input(prefix + "index", ScalarType.Int64).data<long>().ToArray();
        Assert.Equal(index, Enumerable.Range(0, 6).Select(edge => (long)mixture.Live.Live(CellKind.Normal, edge).Single()));

        var (images, labels) = (recording.Expected("images"), recording.Input("labels", ScalarType.Int64));
        Tensor logits, loss;
        if (evaluation == SupernetEvaluation.Lean)
        {
            (logits, loss) = new LeanSupernet(supernet).Gradient(images, labels, mixture, mixing: true);
        }
        else
        {
            logits = supernet.forward(images, mixture);
            loss = nn.functional.cross_entropy(logits, labels);
            loss.backward();
        }
        deviations.Add("logits", logits, recording.Expected(prefix + "logits"));
        deviations.Add("loss", loss, recording.Expected(prefix + "loss"));
        deviations.Add("gradient of alpha", architecture.Alphas(CellKind.Normal).grad!, recording.Expected(prefix + "grad/alphas"));
        var recorded = recording.Under(prefix + "grad_param/").ToHashSet();
        Assert.Equal(temperature == 0.5, recorded.Count > 0);                       // recorded at one temperature only
        foreach (var (name, parameter) in supernet.named_parameters().Where(_ => recorded.Count > 0))
        {
            var ours = parameter.grad ?? zeros_like(parameter);
            var expected = recorded.Contains(name) ? recording.Expected($"{prefix}grad_param/{name}") : zeros_like(parameter);
            // A bias in front of a batch norm has no gradient but rounding.
            if (name.Contains(".op.1.bias", StringComparison.Ordinal))
                Assert.InRange((ours - expected).abs().max().item<double>(), 0, 1e-12);
            else
                deviations.Add($"gradient of {name}", ours, expected);
        }
        deviations.Check();
        Assert.Equal(recording.Text("genotype"), relaxation.Genotype(architecture).ToString());
    }

    private static SupernetOptions Supernet(Recording recording) =>
        new() { Channels = recording.Number("channels"), Cells = 3 * recording.Number("cells_per_stage"), PartialChannels = 1 };

    private static CellNet Network(Recording recording, int number)
    {
        var options = new CellNetOptions { Channels = recording.Number("channels"), Cells = 3 * recording.Number("cells_per_stage") };
        var network = new CellNet(
            Genotype.Parse(Described()[number].Arch), options, inputChannels: 3, recording.Number("classes"), Space);
        network.to(ScalarType.Float64);
        ModuleWeights.Load(network, recording.File, $"net{number}/state/");
        Assert.Equal(Described()[number].Parameters, network.parameters().Sum(parameter => parameter.numel()));
        return network;
    }

    private static Network201[] Described() => JsonSerializer.Deserialize<Network201[]>(
        new Recording("nasbench201_networks.safetensors", Golden2.Folder).Text("networks"), JsonSerializerOptions.Web)!;

    private sealed record Network201(string Arch, long Parameters);
}
