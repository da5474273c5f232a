using System.Globalization;
using TorchSharp;
using Xunit;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.PublicCode;

public sealed class CellNetAgreementTests
{
    public static TheoryData<string> Recordings => Recording.Cases("cellnet_*.safetensors");

    [Theory]
    [MemberData(nameof(Recordings))]
    public void An_evaluation_network_computes_what_the_public_code_computes(string file) => Compare(file, ScalarType.Float64, 1e-10);

    [Theory]
    [MemberData(nameof(Recordings))]
    public void An_evaluation_network_computes_it_in_single_precision_too(string file) => Compare(file, ScalarType.Float32, 1e-4);

    [Theory]
    [MemberData(nameof(Recordings))]
    public void Training_computes_what_the_public_code_computes(string file)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording(file);
        var deviations = new Deviations($"{file}, training", 1e-10);
        using var network = Network(recording, ScalarType.Float64);
        network.train();
        using var random = RandomStream.Of(1, "drop path");
        var (logits, loss) = new LeanCellNet(network).Gradient(recording.Input("images", ScalarType.Float64),
            recording.Input("labels", ScalarType.Float64), Number(recording, "auxiliary_weight"), dropPath: 0, random);
        deviations.Add("train logits", logits, recording.Expected("train/logits"));
        Assert.InRange(loss.item<double>(), 0, recording.Expected("train/loss").item<double>());
        var parameters = network.named_parameters().ToDictionary(parameter => parameter.name, parameter => parameter.parameter);
        foreach (var name in recording.Under("train/grad/"))
            deviations.Add($"gradient of {name}", parameters[name].grad!, recording.Expected($"train/grad/{name}"));
        deviations.Check();
    }

    internal static CellNet Network(Recording recording, ScalarType type)
    {
        var options = new CellNetOptions { Channels = recording.Number("channels"), Cells = recording.Number("cells") };
        var network = new CellNet(Genotype.Parse(recording.Text("genotype")), options,
            (int)recording.File.Tensors["images"].Shape[1], recording.Number("classes"));
        network.to(type).to(TestDevice.Current);
        ModuleWeights.Load(network, recording.File, "state/");
        return network;
    }

    private static void Compare(string file, ScalarType type, double bound)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording(file);
        var deviations = new Deviations($"{file}, {type}", bound);
        using var network = Network(recording, type);
        var images = recording.Input("images", type);
        network.eval();
        deviations.Add("eval logits", network.forward(images), recording.Expected("eval/logits"));
        deviations.Add("eval logits without a graph", new LeanCellNet(network).Forward(images), recording.Expected("eval/logits"));

        network.train();
        var labels = recording.Input("labels", type);
        var (logits, auxiliary) = network.ForwardWithAuxiliary(images);
        deviations.Add("train logits", logits, recording.Expected("train/logits"));
        deviations.Add("auxiliary logits", auxiliary!, recording.Expected("train/auxiliary_logits"));
        var weight = Number(recording, "auxiliary_weight");
        var loss = nn.functional.cross_entropy(logits, labels) + weight * nn.functional.cross_entropy(auxiliary!, labels);
        deviations.Add("loss", loss, recording.Expected("train/loss"));
        loss.backward();
        var parameters = network.named_parameters().ToDictionary(parameter => parameter.name, parameter => parameter.parameter);
        Assert.NotEmpty(recording.Under("train/grad/"));
        if (type == ScalarType.Float64)
        {
            foreach (var name in recording.Under("train/grad/"))
                deviations.Add($"gradient of {name}", parameters[name].grad!, recording.Expected($"train/grad/{name}"));
        }
        deviations.Check();
    }

    private static double Number(Recording recording, string name) => double.Parse(recording.Text(name), CultureInfo.InvariantCulture);
}
