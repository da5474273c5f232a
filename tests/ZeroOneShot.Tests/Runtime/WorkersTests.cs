using TorchSharp;
using Xunit;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Tests.Runtime;

/// <summary>Work side by side gives what it gives one after the other.</summary>
public sealed class WorkersTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Results_are_handed_over_in_order_and_one_at_a_time(int threads) => WithThreads(threads, () =>
    {
        var (used, inside) = (new List<int>(), 0);
        Workers.Run(100, i => i * i, (i, square) =>
        {
            Assert.Equal(1, Interlocked.Increment(ref inside));
            Assert.Equal(i * i, square);
            used.Add(i);
            Interlocked.Decrement(ref inside);
        });
        Assert.Equal(Enumerable.Range(0, 100), used);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Nothing_begins_before_what_it_waits_for_is_handed_over(int threads) => WithThreads(threads, () =>
    {
        var (used, early) = (new List<int>(), 0);
        // A chain, and what waits for nothing.
        Workers.Run(60, i =>
        {
            lock (used)
                early += used.Count < After(i) ? 1 : 0;
            return i;
        }, (i, _) =>
        {
            lock (used)
                used.Add(i);
        }, after: After);
        Assert.Equal(Enumerable.Range(0, 60), used);
        Assert.Equal(0, early);

        static int After(int i) => i % 3 == 0 ? 0 : i;
    });

    [Fact]
    public void What_can_begin_overtakes_what_waits() => WithThreads(2, () =>
    {
        using var later = new ManualResetEventSlim();
        // The first is over only when the last, which waits for nothing, has begun; the second waits for the first.
        Workers.Run(3, i =>
        {
            if (i == 2)
                later.Set();
            return i != 0 || later.Wait(TimeSpan.FromSeconds(30));
        }, (_, inTime) => Assert.True(inTime), after: i => i == 1 ? 1 : 0);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void What_waits_for_what_comes_later_is_refused(int threads) => WithThreads(threads, () =>
        Assert.Contains("Result 3 waits for 4 results; expected at most 3.", Assert.Throws<ArgumentException>(
            () => Workers.Run(5, i => i, (_, _) => { }, after: i => i == 3 ? 4 : 0)).Message));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Who_waits_for_what_fails_goes_on(bool failsWhereUsed) => WithThreads(3, () =>
    {
        Assert.Throws<NotSupportedException>(() => Workers.Run(9, i => Fail(i, !failsWhereUsed), (i, _) => Fail(i, failsWhereUsed),
            after: i => i == 0 ? 0 : 1));

        static int Fail(int i, bool here) => i == 0 && here ? throw new NotSupportedException() : i;
    });

    [Fact]
    public void An_exception_reaches_the_caller_and_the_workers_go_on() => WithThreads(2, () =>
    {
        var thrown = Assert.Throws<InvalidOperationException>(() =>
            Workers.Run(10, i => i == 4 ? throw new InvalidOperationException("four") : i, (_, _) => { }));
        Assert.Equal("four", thrown.Message);
        var sum = 0;
        Workers.Run(10, i => i, (_, value) => sum += value);
        Assert.Equal(45, sum);
    });

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(2, false)]
    public void Where_something_fails_results_that_nobody_took_are_disposed(int threads, bool failsWhereUsed) => WithThreads(threads, () =>
    {
        var (made, disposed, used) = (0, 0, 0);
        Assert.Throws<InvalidOperationException>(() => Workers.Run(20, i =>
        {
            if (!failsWhereUsed && i == 0)
            {
                // Not before others wait for it.
                SpinWait.SpinUntil(() => Volatile.Read(ref made) > 3);
                throw new InvalidOperationException();
            }
            Interlocked.Increment(ref made);
            return new Disposable(() => Interlocked.Increment(ref disposed));
        }, (i, _) => used += failsWhereUsed && i == 4 ? throw new InvalidOperationException() : 1));
        Assert.True(made > used);
        Assert.Equal(made - used, disposed);
    });

    [Fact]
    public void However_many_workers_start_at_once_every_thread_has_all_of_libtorchs_threads() => WithThreads(3, () =>
    {
        var found = new int[16];
        var threads = Enumerable.Range(0, found.Length).Select(i => new Thread(() =>
        {
            for (var times = 0; times < 10; times++)
                new Worker("starts with others").Dispose();
            found[i] = torch.get_num_threads();
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.All(found, count => Assert.Equal(3, count));
    });

    [Fact]
    public void Libtorch_has_one_thread_in_every_worker_and_all_of_them_outside() => WithThreads(3, () =>
    {
        var inside = new List<int>();
        Workers.Run(30, _ => torch.get_num_threads(), (_, threads) => inside.Add(threads));
        Assert.All(inside, threads => Assert.Equal(1, threads));
        Assert.Equal(3, torch.get_num_threads());
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_search_step_does_not_depend_on_which_operation_is_done_first(int partialChannels)
    {
        var expected = Steps(4);
        Assert.Equal(expected, Steps(4));
        Assert.Equal(expected, Steps(4));
        foreach (var (four, one) in expected.Zip(Steps(1)))
            Assert.Equal(one, four, (a, b) => Math.Abs(a - b) < 1e-4);              // outside the workers libtorch adds up in another order

        float[][] Steps(int threads)
        {
            using var scope = torch.NewDisposeScope();
            var options = new SearchOptions
            {
                Supernet = new() { Channels = 8, Cells = 3, PartialChannels = partialChannels, EdgeNormalization = partialChannels > 1 },
            };
            var mask = OperationMask.Full(SearchSpace.Darts);
            using var supernet = new Supernet(mask, options.Supernet, 3, 4);
            using var architecture = new ArchitectureParameters(mask, options.Supernet.EdgeNormalization);
            using (var random = RandomStream.Of(1, "weights"))
                Initialization.Default(supernet, random);
            using (var random = RandomStream.Of(1, "architecture"))
                architecture.Initialize(random);
            using var step = new BilevelStep(supernet, architecture, options);
            using var inputs = RandomStream.Of(1, "images");
            var images = torch.randn([4, 3, 16, 16], generator: inputs.Generator);
            var labels = torch.tensor([0L, 1, 2, 3]);
            WithThreads(threads, () =>
            {
                step.ArchitectureStep(images, labels);
                step.WeightsStep(images, labels);
            });
            return [.. supernet.state_dict().Values.Concat(architecture.Parameters).Where(tensor => tensor.is_floating_point())
                .Select(tensor => tensor.detach().contiguous().data<float>().ToArray())];
        }
    }

    private sealed class Disposable(Action dispose) : IDisposable
    {
        public void Dispose() => dispose();
    }

    private static void WithThreads(int threads, Action test)
    {
        var before = torch.get_num_threads();
        torch.set_num_threads(threads);
        try
        {
            test();
        }
        finally
        {
            torch.set_num_threads(before);
        }
    }
}
