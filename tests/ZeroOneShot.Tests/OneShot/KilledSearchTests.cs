using Xunit;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>A search whose process is killed, however often, ends as if it had not been: the same file and the same genotype.</summary>
/// <remarks>
/// The file holds weights, running statistics, alphas, betas, the optimizers' moments and every epoch's genotype and losses.
/// </remarks>
public sealed class KilledSearchTests : IDisposable
{
    private const int Kills = 4;

    private static readonly Lazy<(byte[] File, string Genotype)> s_undisturbed = new(() =>
    {
        using var folder = new TemporaryFolder();
        return ToTheEnd(folder.File("undisturbed"));
    });

    private readonly TemporaryFolder _folder = new();

    private string Checkpoint => _folder.File("search.safetensors");

    [Fact]
    public void Killed_at_random_moments_it_goes_on_to_the_same_result_bit_for_bit()
    {
        // After 5, 1, 1 and 4 steps; epochs have three. Some runs are killed before they have written a checkpoint, some after.
        var random = new Random(42);
        var killed = 0;
        while (killed < Kills)
        {
            using var search = new SearchProcess("checkpoint", Checkpoint);
            for (var step = random.Next(1, 8); step > 0; step--)
                search.ReadLine();
            search.Kill();
            if (!search.WasKilled)
                break;                                      // over already: this process had to wait too long for a processor
            killed++;
        }
        Assert.NotEqual(0, killed);
        AssertUndisturbed();
    }

    [Fact]
    public void Killed_while_it_writes_a_checkpoint_it_goes_on_from_the_one_before()
    {
        // A kill may come too late, when the new file is complete and in its place; the next checkpoint is another chance.
        do
        {
            using var search = new SearchProcess("checkpoint", Checkpoint);
            using var watcher = new FileSystemWatcher(_folder.FullName, ".*.tmp");
            watcher.Created += (_, _) =>
            {
                if (File.Exists(Checkpoint))                // from the second checkpoint on
                    search.Kill();
            };
            watcher.EnableRaisingEvents = true;
            while (search.ReadLine() is not null)
            {
            }
            Assert.True(search.WasKilled, "The search was over before it was killed in a checkpoint.");
        }
        while (Unfinished().Length == 0);
        AssertUndisturbed();
        Assert.Empty(Unfinished());                         // the search that went on cleared up
    }

    [Fact]
    public void Starts_into_a_folder_in_use_are_refused_and_neither_they_nor_kills_lose_anything()
    {
        // 1,000 starts and 40 kills by hand: ZEROONESHOT_STARTS=1000 ZEROONESHOT_KILLS=40.
        var (starts, kills) = (Number("ZEROONESHOT_STARTS", 6), Number("ZEROONESHOT_KILLS", 3));
        var random = new Random(7);
        for (var kill = 0; kill < kills; kill++)
        {
            using var first = new SearchProcess("stepwise", Checkpoint);
            Assert.NotNull(first.ReadLine());
            Parallel.For(0, starts / kills, new ParallelOptions { MaxDegreeOfParallelism = 3 }, _ =>
            {
                using var second = new SearchProcess("checkpoint", Checkpoint);
                var (exitCode, errors) = second.End();
                Assert.Equal(3, exitCode);
                Assert.Contains($"Checkpoint '{Checkpoint}' is in use by process {first.Id} (", errors);
            });
            // It is killed in its first epochs: at the end of the test there must be something left to do.
            for (var step = random.Next(0, 3); step > 0; step--)
            {
                first.Step();
                first.ReadLine();
            }
            first.Step();
            first.Kill();                                   // in a step, in writing a checkpoint, or between the two
            Assert.True(first.WasKilled);
            if (kill % 3 < 2 && kill < kills - 1)
                continue;
            // A search is over after few epochs: the next kills are of one from the start.
            AssertUndisturbed();
            Assert.Empty(Unfinished());
            foreach (var file in Directory.GetFiles(_folder.FullName))
                File.Delete(file);
        }
    }

    private static int Number(string variable, int inTheSuite) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), out var number) ? number : inTheSuite;

    public void Dispose() => _folder.Dispose();

    private string[] Unfinished() => Directory.GetFiles(_folder.FullName, ".*.tmp");

    private void AssertUndisturbed()
    {
        var (file, genotype) = ToTheEnd(Checkpoint);
        Assert.Equal(s_undisturbed.Value.Genotype, genotype);
        Assert.True(s_undisturbed.Value.File.AsSpan().SequenceEqual(file), "The checkpoints after the last epoch differ.");
    }

    private static (byte[] File, string Genotype) ToTheEnd(string checkpoint)
    {
        using var search = new SearchProcess("checkpoint", checkpoint);
        var genotype = search.ReadToEnd()[^1];
        return (File.ReadAllBytes(checkpoint), genotype);
    }
}
