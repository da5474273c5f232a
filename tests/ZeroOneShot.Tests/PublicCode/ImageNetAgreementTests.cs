using System.Globalization;
using TorchSharp;
using Xunit;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.PublicCode;

/// <summary>The networks of DARTS and PC-DARTS for ImageNet.</summary>
public sealed class ImageNetAgreementTests
{
    private const double Bound = 1e-10;

    public static TheoryData<string> Networks => [.. Recording.Names("imagenet_*.safetensors", Golden2.Folder)];

    public static TheoryData<string, SupernetEvaluation> Searches => new(
        from file in Recording.Names("supernet_*imagenet*.safetensors", Golden2.Folder)
        from evaluation in BothWays.Evaluations
        select (file, evaluation));

    [Theory]
    [MemberData(nameof(Networks))]
    public void An_evaluation_network_for_ImageNet_computes_what_the_public_code_computes(string file)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording(file, Golden2.Folder);
        var deviations = new Deviations($"{file}, plain", Bound);
        using var network = Network(recording);
        var (images, labels) = Batch(recording);
        network.eval();
        deviations.Add("eval logits", network.forward(images), recording.Expected("eval/logits"));
        network.train();
        var (logits, auxiliary) = network.ForwardWithAuxiliary(images);
        deviations.Add("train logits", logits, recording.Expected("train/logits"));
        var loss = nn.functional.cross_entropy(logits, labels);
        if (auxiliary is not null)
        {
            deviations.Add("auxiliary logits", auxiliary, recording.Expected("train/auxiliary_logits"));
            loss += Weight(recording) * nn.functional.cross_entropy(auxiliary, labels);
        }
        deviations.Add("loss", loss, recording.Expected("train/loss"));
        loss.backward();
        CompareTraining(network, recording, deviations);
        deviations.Check();
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Its_training_computes_it_too(string file)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording(file, Golden2.Folder);
        var deviations = new Deviations($"{file}, lean", Bound);
        using var network = Network(recording);
        var (images, labels) = Batch(recording);
        network.eval();
        deviations.Add("eval logits", new LeanCellNet(network).Forward(images), recording.Expected("eval/logits"));
        network.train();
        var (logits, _) = new LeanCellNet(network).GradientOf(
            images, logits => nn.functional.cross_entropy(logits, labels), Weight(recording));
        deviations.Add("train logits", logits, recording.Expected("train/logits"));
        CompareTraining(network, recording, deviations);
        deviations.Check();
    }

    [Theory]
    [MemberData(nameof(Searches))]
    public void A_search_for_ImageNet_takes_the_step_of_the_public_code(string file, SupernetEvaluation evaluation)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording(file, Golden2.Folder);
        var deviations = new Deviations($"{file}, {evaluation}", Bound);
        using var search = new SupernetAgreementTests.Search(recording, ScalarType.Float64, evaluation);
        var architecture = search.Architecture;
        using var bilevel = new BilevelStep(search.Supernet, architecture, search.Options);
        Assert.Equal(Genotype.Parse(recording.Text("genotype_before_step")), search.Options.Relaxation.Genotype(architecture));
        search.Logits(search.Batch("step0/search").Images);
        CompareStatistics(search.Supernet, recording, deviations);
        SupernetAgreementTests.TakeStep(0, recording, search, bilevel, deviations);
        search.CompareFinalWeights(deviations);
        Assert.Equal(Genotype.Parse(recording.Text("genotype_after_step")), search.Options.Relaxation.Genotype(architecture));
        deviations.Check();
    }

    /// <summary>
    /// Running statistics after one forward run. The public code runs every mixed operation twice in it, so that those inside moved twice:
    /// from a start s by 0.19 times the way to the batch's, in place of 0.1 times.
    /// </summary>
    private static void CompareStatistics(Supernet supernet, Recording recording, Deviations deviations)
    {
        const string after = "step0/after_search_forward/";
        var buffers = supernet.named_buffers().ToDictionary(at => at.name, at => at.buffer);
        Assert.NotEmpty(recording.Under(after));
        foreach (var name in recording.Under(after))
        {
            var start = name.EndsWith("running_var", StringComparison.Ordinal) ? 1 : 0;
            var ours = name.Contains("._ops.", StringComparison.Ordinal) ? start + 1.9 * (buffers[name] - start) : buffers[name];
            deviations.Add(after + name, ours, recording.Expected(after + name));
        }
    }

    private static void CompareTraining(CellNet network, Recording recording, Deviations deviations)
    {
        var parameters = network.named_parameters().ToDictionary(at => at.name, at => at.parameter);
        Assert.NotEmpty(recording.Under("train/grad/"));
        foreach (var name in recording.Under("train/grad/"))
            deviations.Add($"gradient of {name}", parameters[name].grad!, recording.Expected($"train/grad/{name}"));
        var buffers = network.named_buffers().ToDictionary(at => at.name, at => at.buffer);
        Assert.NotEmpty(recording.Under("train/after/"));
        foreach (var name in recording.Under("train/after/"))
            deviations.Add(name, buffers[name], recording.Expected($"train/after/{name}"));
    }

    private static CellNet Network(Recording recording)
    {
        var options = new CellNetOptions
        {
            Channels = recording.Number("channels"), Cells = recording.Number("cells"),
            AuxiliaryHead = bool.Parse(recording.Text("auxiliary")),
            Stem = Stem.ImageNet.Name,
        };
        var network = new CellNet(Genotype.Parse(recording.Text("genotype")), options, inputChannels: 3, recording.Number("classes"));
        network.to(ScalarType.Float64);
        ModuleWeights.Load(network, recording.File, "state/");
        return network;
    }

    // "(images_u8 - 128) / 64"
    private static (Tensor Images, Tensor Labels) Batch(Recording recording) =>
        ((recording.Input("images_u8", ScalarType.Float64).to(ScalarType.Float64) - 128) / 64,
            recording.Input("labels", ScalarType.Float64));

    // "cross entropy + 0.4 x cross entropy of the auxiliary logits"
    private static double Weight(Recording recording) => recording.Text("loss").Split(" + ") is [_, var auxiliary]
        ? double.Parse(auxiliary.Split(' ')[0], CultureInfo.InvariantCulture)
        : 0;
}
