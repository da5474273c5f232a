using System.Diagnostics;
using Microsoft.ML;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

public sealed class RunTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Progress_and_log_tell_every_epoch()
    {
        var log = new List<string>();
        _ml.Log += (_, message) => log.Add($"{message.Source}: {message.RawMessage}");
        var reports = new Reports(_ => { });
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Progress = reports;
        using var model = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml));
        Assert.Equal(2, reports.Seen.Count(report => report.EndsEpoch && report.Stage == RunStage.Train));
        Assert.Contains(log, message => message.StartsWith("CellNetTrainer; Training: Train epoch 2/2"));
    }

    [Fact]
    public void A_token_stops_a_run_within_a_step()
    {
        using var source = new CancellationTokenSource();
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 10_000 };
        train.CancellationToken = source.Token;
        train.Progress = new Reports(_ => source.Cancel());
        var watch = Stopwatch.StartNew();
        Assert.ThrowsAny<OperationCanceledException>(() => _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml)));
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void Cancelling_the_context_stops_a_run()
    {
        var search = Toy.Search();
        search.Mask = OperationMask.Full(Toy.Space);
        search.Settings = search.Settings with { Epochs = 10_000 };
        search.Progress = new Reports(_ => MLNetInternalsTests.CancelExecution(_ml));
        Assert.ThrowsAny<OperationCanceledException>(() => _ml.Transforms.MaskedDartsSearch(search).Fit(Toy.Data(_ml)));
        Assert.ThrowsAny<OperationCanceledException>(() => _ml.Transforms.ZeroShotPrune(Toy.Prune(SearchMethod.ZeroOneShot)).Fit(Toy.Data(_ml)));
    }

    [Fact]
    public void A_GPU_of_the_context_that_is_not_there_is_an_error_unless_the_processor_may_take_over()
    {
        Assert.SkipWhen(TorchSharp.torch.cuda_is_available(), "There is a GPU.");
        var ml = new MLContext(seed: 1) { GpuDeviceId = 0 };
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        var error = Assert.Throws<InvalidOperationException>(() => ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(ml)));
        Assert.Contains("CUDA is not available", error.Message);
        train.Device = "cpu";
        ml.FallbackToCpu = true;
        using var model = ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(ml));
    }

    private sealed class Reports(Action<RunProgress> act) : IProgress<RunProgress>
    {
        public List<RunProgress> Seen { get; } = [];

        public void Report(RunProgress value)
        {
            Seen.Add(value);
            act(value);
        }
    }
}
