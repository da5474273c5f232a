using System.Globalization;
using System.Text.RegularExpressions;
using TorchSharp;
using Xunit;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.PublicCode;

public sealed partial class SupernetAgreementTests
{
    public static TheoryData<string, SupernetEvaluation> Searches => new(
        from file in Recording.Names("supernet_*.safetensors")
        from evaluation in BothWays.Evaluations
        select (file, evaluation));

    [Theory]
    [MemberData(nameof(Searches))]
    public void A_search_begins_with_the_same_logits_and_losses_in_single_precision(string file, SupernetEvaluation evaluation)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording(file);
        var deviations = new Deviations($"{file}, {evaluation}, {ScalarType.Float32}", 1e-4);
        using var search = new Search(recording, ScalarType.Float32, evaluation);
        using var bilevel = new BilevelStep(search.Supernet, search.Architecture, search.Options);
        // Later steps amplify rounding: at a learning rate of 0.1 and with a handful of images, two steps make 1e-7 more than 1e-2.
        TakeStep(0, recording, search, bilevel, deviations);
        deviations.Check();
    }

    [Theory]
    [MemberData(nameof(Searches))]
    public void A_search_takes_the_steps_of_the_public_code_and_then_ranks_the_network_alike(string file, SupernetEvaluation evaluation)
    {
        using var scope = NewDisposeScope();
        var recording = new Recording(file);
        var deviations = new Deviations($"{file}, {evaluation}, {ScalarType.Float64}", 1e-10);
        using var search = new Search(recording, ScalarType.Float64, evaluation);
        using var bilevel = new BilevelStep(search.Supernet, search.Architecture, search.Options);
        var step = 0;
        for (; recording.Has($"step{step}/search_images"); step++)
            TakeStep(step, recording, search, bilevel, deviations);
        Assert.NotEqual(0, step);
        search.CompareFinalWeights(deviations);

        var logits = search.Logits(recording.Input("nngp/images", ScalarType.Float64));
        deviations.Add("NNGP: logits", logits, recording.Expected("nngp/logits"));
        deviations.Add("NNGP: kernel", logits.matmul(logits.t()) / logits.shape[1], recording.Expected("nngp/kernel"));
        deviations.Add("NNGP: norm of the kernel", new NngpNorm(correlation: false).Of(logits), recording.ExpectedNumber("nngp/frobenius"));
        deviations.Add("NNGP: norm of the correlation", new NngpNorm().Of(logits), recording.ExpectedNumber("nngp/correlation_frobenius"));
        deviations.Check();
    }

    internal static void TakeStep(int step, Recording recording, Search search, BilevelStep bilevel, Deviations deviations)
    {
        using var scope = NewDisposeScope();
        var (images, labels) = search.Batch($"step{step}/search");
        deviations.Add($"step {step}: search logits", search.Logits(images), recording.Expected($"step{step}/search_logits"));
        var (loss, _) = bilevel.ArchitectureStep(images, labels);
        deviations.Add($"step {step}: search loss", loss, recording.ExpectedNumber($"step{step}/search_loss"));
        if (search.InDoublePrecision)
            search.CompareArchitecture($"step{step}/grad/", parameter => parameter.grad!, deviations);

        (images, labels) = search.Batch($"step{step}/train");
        deviations.Add($"step {step}: train logits", search.Logits(images), recording.Expected($"step{step}/train_logits"));
        (loss, _) = bilevel.WeightsStep(images, labels);
        deviations.Add($"step {step}: train loss", loss, recording.ExpectedNumber($"step{step}/train_loss"));
        if (!search.InDoublePrecision)
            return;
        deviations.Add($"step {step}: gradient norm", bilevel.GradientNorm, recording.ExpectedNumber($"step{step}/grad_norm"));
        search.CompareWeights($"step{step}/grad_param/", bilevel.GradientNorm, deviations);
        search.CompareArchitecture($"step{step}/after/", parameter => parameter, deviations);
    }

    /// <summary>A recorded search: network and architecture with the recorded start values, and the recorded settings.</summary>
    internal sealed class Search : IDisposable
    {
        private readonly Recording _recording;
        private readonly ScalarType _type;

        public Search(Recording recording, ScalarType type, SupernetEvaluation evaluation)
        {
            (_recording, _type) = (recording, type);
            var space = recording.Space();
            var mask = recording.Has("mask") ? recording.Mask(space) : OperationMask.Full(space);
            var isForImageNet = recording.Has("param/stem0.0.weight");
            var (sgd, adam) = (Settings(recording.Text("sgd")), Settings(recording.Text("adam")));
            Options = new SearchOptions
            {
                Supernet = new SupernetOptions
                {
                    Channels = recording.Number("channels"),
                    Cells = recording.Number("cells"),
                    PartialChannels = recording.Number("partial_channels"),
                    EdgeNormalization = bool.Parse(recording.Text("edge_normalisation")),
                    Stem = isForImageNet ? Stem.ImageNet.Name : Stem.Cifar.Name,
                    StemMultiplier = 3,
                },
                LearningRate = sgd("lr"),
                Momentum = sgd("momentum"),
                WeightDecay = sgd("weight decay"),
                ClipNorm = sgd("clip norm"),
                ArchitectureLearningRate = adam("lr"),
                ArchitectureWeightDecay = adam("weight decay"),
                Evaluation = evaluation,
            };
            var inputChannels = (int)recording.File.Tensors["step0/search_images"].Shape[1];
            Supernet = new Supernet(mask, Options.Supernet, inputChannels, recording.Number("classes"));
            Supernet.to(type).to(TestDevice.Current);
            ModuleWeights.Load(Supernet, recording.File, "param/", Supernet.MaskedOperationNames, parametersOnly: true);
            Architecture = new ArchitectureParameters(mask, Options.Supernet.EdgeNormalization, type, TestDevice.Current);
            using var _ = no_grad();
            foreach (var (name, parameter) in ArchitectureParameters())
            {
                using var start = recording.Input($"arch/{name}", type);
                parameter.copy_(start);
                if (name.StartsWith("alphas", StringComparison.Ordinal))
                {
                    using var live = LiveAlphas(name);
                    parameter.mul_(live);
                }
            }
        }

        public Supernet Supernet { get; }

        public ArchitectureParameters Architecture { get; }

        public SearchOptions Options { get; }

        public bool InDoublePrecision => _type == ScalarType.Float64;

        public (Tensor Images, Tensor Labels) Batch(string name) =>
            (_recording.Input($"{name}_images", _type), _recording.Input($"{name}_labels", _type));

        /// <summary>What the network gives in training mode; apart from the running statistics, nothing changes.</summary>
        public Tensor Logits(Tensor images)
        {
            using var _ = no_grad();
            using var mixture = Architecture.Mixture();
            return Options.Evaluation == SupernetEvaluation.Lean
                ? new LeanSupernet(Supernet).Forward(images, mixture)
                : Supernet.forward(images, mixture);
        }

        /// <summary>
        /// Alphas and betas. In the recording Adam's L2 decay moves masked alphas too, which changes nothing; ours stay 0, and only live
        /// ones are compared.
        /// </summary>
        public void CompareArchitecture(string prefix, Func<Tensor, Tensor> value, Deviations deviations)
        {
            foreach (var (name, parameter) in ArchitectureParameters())
            {
                var (ours, reference) = (value(parameter), _recording.Expected(prefix + name));
                if (name.StartsWith("alphas", StringComparison.Ordinal))
                {
                    var live = LiveAlphas(name);
                    Assert.Equal(0, (ours * live.logical_not()).abs().max().to(ScalarType.Float64).item<double>());
                    reference *= live;
                }
                deviations.Add(prefix + name, ours, reference);
            }
        }

        /// <summary>
        /// The gradients before clipping, of which those after clipping, which the step leaves behind, are a known multiple.
        /// </summary>
        public void CompareWeights(string prefix, double gradientNorm, Deviations deviations)
        {
            var recorded = _recording.Under(prefix).ToHashSet();
            if (recorded.Count == 0)
                return;
            var clipped = Math.Min(1, Options.ClipNorm / (gradientNorm + 1e-6));
            foreach (var (name, parameter) in Supernet.named_parameters())
            {
                using var scope = NewDisposeScope();
                deviations.Add(prefix + name, (parameter.grad ?? zeros_like(parameter)) / clipped, _recording.Expected(prefix + name));
                recorded.Remove(name);
            }
            Assert.All(recorded, name => Assert.Contains(
                Supernet.MaskedOperationNames, masked => name.StartsWith(masked + ".", StringComparison.Ordinal)));
        }

        public void CompareFinalWeights(Deviations deviations)
        {
            var parameters = Supernet.named_parameters().ToDictionary(parameter => parameter.name, parameter => parameter.parameter);
            Assert.NotEmpty(_recording.Under("final/"));
            foreach (var name in _recording.Under("final/"))
            {
                if (parameters.TryGetValue(name, out var parameter))
                    deviations.Add($"final/{name}", parameter, _recording.Expected($"final/{name}"));
                else
                    Assert.Contains(Supernet.MaskedOperationNames, masked => name.StartsWith(masked + ".", StringComparison.Ordinal));
            }
        }

        public void Dispose()
        {
            Supernet.Dispose();
            Architecture.Dispose();
        }

        private IEnumerable<(string Name, Tensor Parameter)> ArchitectureParameters()
        {
            foreach (var (kind, name) in new[] { (CellKind.Normal, "normal"), (CellKind.Reduction, "reduce") })
            {
                yield return ($"alphas_{name}", Architecture.Alphas(kind));
                if (Architecture.Betas(kind) is { } betas)
                    yield return ($"betas_{name}", betas);
            }
        }

        private Tensor LiveAlphas(string name)
        {
            if (!_recording.Has("mask"))
                return ones_like(Architecture.Alphas(CellKind.Normal), ScalarType.Bool);
            using var mask = _recording.File.Load("mask");
            return mask[name == "alphas_normal" ? 0 : 1].clone().to(TestDevice.Current);
        }

        // "lr 0.1 momentum 0.9 weight decay 3e-4, clip norm 5"
        private static Func<string, double> Settings(string text) => name =>
            double.Parse(
                Setting().Matches(text).Single(match => match.Groups["name"].Value == name).Groups["value"].Value,
                CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"(?<name>lr|momentum|weight decay|clip norm) (?<value>[\d.e-]+)")]
    private static partial Regex Setting();
}
