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
