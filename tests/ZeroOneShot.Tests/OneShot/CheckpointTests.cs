using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>A search that was stopped goes on as if it had not been.</summary>
public sealed class CheckpointTests : IDisposable
{
    private const int Steps = 6;                                                    // two per epoch

    private static readonly ImageSet s_images = RandomImages.Of(48, 3, new ImageShape(3, 16, 16));

    private readonly TemporaryFolder _folder = new();

    private string Checkpoint => _folder.File("search.safetensors");

    private string Previous => _folder.File("search.previous.safetensors");

    public static TheoryData<string, int> Stops => new(
        from method in (string[])["DARTS", "Zero-One-Shot-RND", "GDAS", "FairDARTS"]
        from step in method is "GDAS" or "FairDARTS" ? (int[])[3, 4] : Enumerable.Range(1, Steps)
        select (method, step));

    [Theory]
    [MemberData(nameof(Stops))]
    public void A_cancelled_search_goes_on_to_the_same_result_bit_for_bit(string method, int step)
    {
        var whole = _folder.File("whole");
        var expected = Run(method, whole);
        using (var cancellation = new CancellationTokenSource())
        {
            var stop = EachStep.CancelAt(step, cancellation);
            if (step < Steps)
                Assert.Throws<OperationCanceledException>(() => Run(method, Checkpoint, stop, cancellation));
            else
                Run(method, Checkpoint, stop, cancellation);
        }
        AssertEqual(expected, Run(method, Checkpoint));
        Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(Checkpoint));      // weights, statistics, moments
        AssertEqual(expected, Run(method, Checkpoint));                             // over already: nothing is left to do
    }

    [Fact]
    public void When_time_is_up_the_genotype_so_far_is_found_and_a_checkpoint_goes_on()
    {
        var expected = Run("DARTS", checkpoint: null);
        var time = new HandTime();
        var passing = new EachStep(step => time.Pass(step == 3 ? TimeSpan.FromHours(1) : TimeSpan.FromMinutes(1)));
        var limited = Run("DARTS", Checkpoint, passing, change: options => options with { TimeLimit = TimeSpan.FromHours(1), Time = time });
        Assert.Equal((3, 1), (passing.Count, limited.Epochs.Count));
        Assert.Equal(expected.Epochs[0], limited.Epochs[0]);
        AssertEqual(expected, Run("DARTS", Checkpoint));
    }

    [Fact]
    public void A_search_whose_architecture_stays_the_same_ends_when_patience_does_and_stays_ended()
    {
        // Without a learning rate nothing changes after the second epoch, the first one in which the architecture is trained.
        var ended = Run("DARTS", Checkpoint, change: Still);
        Assert.Equal(4, ended.Epochs.Count);
        AssertEqual(ended, Run("DARTS", Checkpoint, new EachStep(_ => Assert.Fail("nothing is left to do")), change: Still));

        static SearchOptions Still(SearchOptions options) =>
            options with { Epochs = 5, Patience = 2, ArchitectureLearningRate = 0, ArchitectureWeightDecay = 0 };
    }

    [Fact]
    public void A_killed_search_goes_on_from_its_last_epoch()
    {
        var expected = Run("Zero-One-Shot-RND", checkpoint: null);
        var kept = _folder.File("kept");
        // What a kill in the second epoch leaves: the file of the first one.
        Run("Zero-One-Shot-RND", Checkpoint, new EachStep(step =>
        {
            if (step == 3)
                File.Copy(Checkpoint, kept);
        }));
        File.Move(kept, Checkpoint, overwrite: true);
        AssertEqual(expected, Run("Zero-One-Shot-RND", Checkpoint));
    }

    [Fact]
    public void Another_search_is_refused_and_the_file_stays()
    {
        Run("DARTS", Checkpoint);
        var before = File.ReadAllBytes(Checkpoint);
        var options = Assert.Throws<InvalidDataException>(() => Run("DARTS", Checkpoint, seed: 6));
        Assert.Contains("its options are Seed 5, those of this search Seed 6. ", options.Message);      // and not all that are the same
        Assert.Contains(Checkpoint, options.Message);
        var others = RandomImages.Of(48, 4, new ImageShape(3, 16, 16));
        Assert.Contains("its images are", Assert.Throws<InvalidDataException>(() => Run("DARTS", Checkpoint, images: others)).Message);
        Assert.Equal(before, File.ReadAllBytes(Checkpoint));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_damaged_file_gives_way_to_the_one_before_with_a_warning_and_the_result_is_the_same_bit_for_bit(bool cut)
    {
        var expected = Run("Zero-One-Shot-RND", Checkpoint);
        var (newest, before) = (File.ReadAllBytes(Checkpoint), File.ReadAllBytes(Previous));
        Damage(Checkpoint, cut);
        var warnings = new List<string>();
        var (steps, finishedEpochs) = (0, new List<int>());
        AssertEqual(expected, Run("Zero-One-Shot-RND", Checkpoint, new Told(progress =>
        {
            if (progress.Warning is { } warning)
                warnings.Add(warning);
            else
                steps++;
            if (progress.EndsEpoch)
                finishedEpochs.Add(progress.Epoch);
        })));
        var said = Assert.Single(warnings);
        Assert.Contains($"'{Checkpoint}'", said);
        Assert.Contains($"goes on from the checkpoint before, '{Previous}'", said);
        Assert.Equal((2, 3), (steps, Assert.Single(finishedEpochs)));               // the last epoch again, and no more
        Assert.Equal(newest, File.ReadAllBytes(Checkpoint));
        Assert.Equal(before, File.ReadAllBytes(Previous));                          // not the damaged one
    }

    [Fact]
    public void A_search_with_other_settings_of_its_relaxation_a_term_or_a_cost_is_another_search()
    {
        Run("GDAS", Checkpoint);
        Func<SearchOptions, SearchOptions>[] others =
        [
            options => options with { Relaxation = new GumbelRelaxation { LastTemperature = 0.5 } },
            options => options with { Relaxation = new SigmoidRelaxation() },
            options => options with { LossTerms = [new ZeroOneLoss()] },
            options => options with { CostTarget = new CostTarget { Parameters = 2_000_000 } },
        ];
        Assert.All(others, other => Assert.Contains("its options are",
            Assert.Throws<InvalidDataException>(() => Run("GDAS", Checkpoint, change: other)).Message));
    }

    [Fact]
    public void A_search_with_a_cost_target_goes_on_to_the_same_result_bit_for_bit()
    {
        var target = new CostTarget { Parameters = 150_000, Network = new CellNetOptions { Channels = 16, Cells = 8 } };
        var whole = _folder.File("whole");
        var expected = Run("GDAS", whole, change: With);
        using (var cancellation = new CancellationTokenSource())
        {
            Assert.Throws<OperationCanceledException>(
                () => Run("GDAS", Checkpoint, EachStep.CancelAt(5, cancellation), cancellation, change: With));
        }
        AssertEqual(expected, Run("GDAS", Checkpoint, change: With));
        Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(Checkpoint));

        SearchOptions With(SearchOptions options) => options with { CostTarget = target };
    }

    [Fact]
    public void When_both_checkpoints_are_damaged_the_message_names_the_files_to_delete()
    {
        Run("DARTS", Checkpoint);
        Damage(Checkpoint, cut: true);
        Damage(Previous, cut: false);
        var error = Assert.Throws<InvalidDataException>(() => Run("DARTS", Checkpoint)).Message;
        Assert.Contains($"To begin the search anew, delete '{Checkpoint}' and '{Previous}'.", error);
        File.Delete(Checkpoint);
        File.Delete(Previous);
        Run("DARTS", Checkpoint);
    }

    [Fact]
    public void A_search_killed_between_two_generations_goes_on_from_the_one_that_is_there()
    {
        var expected = Run("DARTS", Checkpoint);
        File.Delete(Checkpoint);
        var steps = new EachStep(_ => { });
        AssertEqual(expected, Run("DARTS", Checkpoint, steps));
        Assert.Equal(2, steps.Count);
    }

    [Fact]
    public void A_second_search_with_the_same_file_is_refused_by_the_name_of_the_first_and_deletes_nothing_of_it()
    {
        var expected = Run("DARTS", checkpoint: null);
        var unfinished = _folder.File($".search.safetensors.{Guid.NewGuid():N}.tmp");
        var refused = 0;
        AssertEqual(expected, Run("DARTS", Checkpoint, new EachStep(step =>
        {
            File.WriteAllText(unfinished, "being written");
            var error = Assert.Throws<IOException>(() => Run("DARTS", Checkpoint));
            Assert.Contains($"Checkpoint '{Checkpoint}' is in use by process {Environment.ProcessId} (", error.Message);
            Assert.Contains("for a search since", error.Message);
            Assert.True(File.Exists(unfinished));
            refused++;
        })));
        Assert.Equal(Steps, refused);
        AssertEqual(expected, Run("DARTS", Checkpoint));                            // the first is over
        Assert.False(File.Exists(unfinished));
    }

    [Fact]
    public void A_search_that_was_refused_or_failed_holds_no_file()
    {
        Run("DARTS", Checkpoint);
        Assert.Throws<InvalidDataException>(() => Run("DARTS", Checkpoint, seed: 6));
        Assert.Throws<InvalidOperationException>(
            () => Run("DARTS", _folder.File("b"), new EachStep(_ => throw new InvalidOperationException("the caller's"))));
        Run("DARTS", Checkpoint);
        Run("DARTS", _folder.File("b"));
    }

    public void Dispose() => _folder.Dispose();

    private static void Damage(string path, bool cut)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[^1000] ^= 1;                                                          // in the middle of weights
        File.WriteAllBytes(path, cut ? bytes[..(bytes.Length / 2)] : bytes);
    }

    private sealed class Told(Action<RunProgress> tell) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => tell(value);
    }

    private static SearchResult Run(string method, string? checkpoint, IProgress<RunProgress>? progress = null,
        CancellationTokenSource? stop = null, long seed = 5, ImageSet? images = null, Func<SearchOptions, SearchOptions>? change = null)
    {
        var options = SearchMethod.Parse(method).Apply(new SearchOptions
        {
            Supernet = new SupernetOptions { Channels = 4, Cells = 3 }, Epochs = 3, WarmupEpochs = 1, BatchSize = 12, Seed = seed,
        });
        options = change?.Invoke(options) ?? options;
        return MaskedDartsSearch.Run(images ?? s_images, RandomPruning.Mask(SearchSpace.Darts, 0.3, seed: 4), options, progress,
            checkpoint, stop?.Token ?? TestContext.Current.CancellationToken);
    }

    private static void AssertEqual(SearchResult expected, SearchResult actual)
    {
        foreach (var kind in SearchSpace.Darts.Kinds)
        {
            Assert.Equal(
                expected.Alphas[kind].Select(BitConverter.SingleToInt32Bits),
                actual.Alphas[kind].Select(BitConverter.SingleToInt32Bits));
            if (expected.Betas is not null)
            {
                Assert.Equal(
                    expected.Betas[kind].Select(BitConverter.SingleToInt32Bits),
                    actual.Betas![kind].Select(BitConverter.SingleToInt32Bits));
            }
        }
        Assert.Equal(expected.Genotype, actual.Genotype);
        Assert.Equal(expected.Epochs, actual.Epochs);                               // the losses stand for the weights
    }
}
