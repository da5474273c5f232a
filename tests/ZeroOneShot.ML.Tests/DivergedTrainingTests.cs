using Microsoft.ML;
using TorchSharp;
using Xunit;
using ZeroOneShot.Layers;
using ZeroOneShot.Onnx;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>A training whose weights are no numbers any more after its very last step, which no loss tells.</summary>
public sealed class DivergedTrainingTests
{
    private const int Epochs = 3;

    private static bool s_fails;

    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Within_a_time_the_best_epoch_before_is_taken_and_the_log_says_so()
    {
        var (options, logger) = (Options(), new KeepingLogger());
        (options.Settings, options.Logger) = (options.Settings with { TimeLimit = TimeSpan.FromHours(1) }, logger);
        options.ValidationSet = _ml.Data.LoadImages(Toy.Images(12, seed: 8));
        using var model = Fit(options);
        Assert.Equal((Epochs, Epochs - 1), (model.DivergedEpoch, model.Epochs.Count));
        Assert.Equal(model.Epochs[model.BestEpoch!.Value - 1].ValidationAccuracy!.Value,
            _ml.MulticlassClassification.Evaluate(model.Transform(options.ValidationSet)).MicroAccuracy, 1e-9);
        Assert.Contains(logger.Messages, message => message.Text.StartsWith($"The training diverged in epoch {Epochs} "));
    }

    [Fact]
    public void Without_one_it_is_an_error()
    {
        var error = Assert.Throws<DivergedException>(() => Fit(Options()));
        Assert.StartsWith($"Weights became infinite or no numbers in epoch {Epochs}: ", error.Message);
    }

    private CellNetTransformer Fit(CellNetTrainer.Options options)
    {
        s_fails = false;
        return _ml.MulticlassClassification.Trainers.CellNet(options).Fit(Toy.Data(_ml));
    }

    private static CellNetTrainer.Options Options()
    {
        var options = Toy.Train();
        (options.Space, options.Genotype, options.Settings) = (Faulty.Space, Faulty.Genotype, options.Settings with { Epochs = Epochs });
        options.Progress = new BeforeTheLastStep();
        return options;
    }

    private sealed class BeforeTheLastStep : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => s_fails = (value.Epoch, value.Step) == (Epochs, value.Steps - 1);
    }

    /// <summary>Passes features on, and, when it is to fail, gradients that are no numbers.</summary>
    private sealed record Faulty : Layer
    {
        public static SearchSpace Space { get; } = new("faulty", new CellTopology(2),
        [
            CandidateOperation.None, CandidateOperation.SkipConnect,
            new CandidateOperation("faulty_conv", stride => [new Convolution(3) { Stride = stride }, new BatchNorm(), new Faulty()]),
        ]);

        public static Genotype Genotype { get; } = new(Cell, Cell);

        private static CellGenotype Cell => new(
            [new("faulty_conv", 0), new("skip_connect", 1), new("faulty_conv", 1), new("skip_connect", 2)]);

        public override FeatureSize Output(FeatureSize input, long channels) => input;

        public override LayerCost Cost(FeatureSize input, long channels, bool affine) => new(0, 0);

        public override torch.nn.Module<torch.Tensor, torch.Tensor> Build(int inputChannels, int channels, bool affine) => new Module();

        public override string Export(
            OnnxGraph graph, string x, FeatureSize input, torch.nn.Module<torch.Tensor, torch.Tensor> module) =>
            graph.Operator("Identity", [x]);

        private sealed class Module() : torch.nn.Module<torch.Tensor, torch.Tensor>(nameof(Faulty))
        {
            public override torch.Tensor forward(torch.Tensor input)
            {
                using var scope = torch.NewDisposeScope();
                // The slope of a root is infinite at 0, and infinity times 0 no number.
                var output = s_fails ? input + (input - input.detach()).abs().sqrt() * 0 : input.clone();
                return output.MoveToOuterDisposeScope();
            }
        }
    }
}
