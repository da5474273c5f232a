using Xunit;
using ZeroOneShot.Kernels;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Experiments.Tests;

public sealed class RunPartsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_a_machine_that_rounds_otherwise_has_ranked_is_not_used_and_such_a_machine_does_not_begin()
    {
        var here = Arithmetic.Here(null);
        Arithmetic[] others =
        [
            here with { Threads = here.Threads + 1 }, here with { VectorBits = here.VectorBits + 1 }, here with { Libtorch = "0.1" },
            here with { Device = "cuda" },
        ];
        var run = Ledger.Open(_folder.File("ledger")).Run(Toy.Table(SearchMethod.Parse("Zero-One-Shot")).Runs()[0]);
        var part = new RoundPart(0, 0, 1, 2);
        var parts = new RunParts(run, here, TimeSpan.Zero);
        parts.Offer(OperationMask.Full(SearchSpace.NasBench201), [part]);
        var name = Assert.Single(PartFiles.AllAsked(run.Path));
        var request = ChecksummedJson.Read<PartRequest>(Path.Combine(run.Path, PartFiles.Asked(name)));
        Assert.Equal(here, request.Arithmetic);
        foreach (var other in others)
        {
            Write(PartFiles.Done(name), new PartResult(request with { Arithmetic = other }, [[1], [2]], 1, 1));
            Assert.Null(parts.Find(part));
            Write(PartFiles.Asked(name), request with { Arithmetic = other });
            var error = Assert.Throws<ArgumentException>(() => ExperimentRun.DoPart(run.Path, Toy.Data, Toy.Preset,
                cancellationToken: TestContext.Current.CancellationToken));
            Assert.Contains("could differ in their last bits", error.Message);
        }
        Write(PartFiles.Done(name), new PartResult(request, [[1], [2]], 1, 1));
        Assert.Equal(2, parts.Find(part)!.Count);

        void Write<T>(string file, T value) => ChecksummedJson.Write(Path.Combine(run.Path, file), value);
    }

    [Fact]
    public void What_a_helper_brings_when_the_round_is_over_ends_nothing()
    {
        var run = Ledger.Open(_folder.File("ledger")).Run(Toy.Table(SearchMethod.Parse("Zero-One-Shot")).Runs()[0]);
        var parts = new RunParts(run, Arithmetic.Here(null), TimeSpan.Zero);
        parts.End();                                                // nothing was offered
        Assert.Empty(PartFiles.AllAsked(run.Path));
        parts.Offer(OperationMask.Full(SearchSpace.NasBench201), [new RoundPart(0, 0, 1, 2)]);
        parts.End();
        Assert.False(Directory.Exists(Path.Combine(run.Path, PartFiles.Folder)));
        Assert.Empty(PartFiles.AllAsked(run.Path));
    }
}
