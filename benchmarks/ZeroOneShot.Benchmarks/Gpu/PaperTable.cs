using ZeroOneShot.OneShot;

namespace ZeroOneShot.Benchmarks.Gpu;

/// <summary>Table 1 of the paper, CIFAR-10: memory and search time on one V100 at batch 256.</summary>
internal static class PaperTable
{
    private static readonly Dictionary<string, (double MiB, double Seconds)> s_rows = new()
    {
        [SearchMethod.Darts.Name] = (21593, 22924),
        [SearchMethod.BetaDarts.Name] = (21593, 23166),
        [SearchMethod.PcDarts.Name] = (6438, 19597),
        [SearchMethod.Etenas.Name] = (363, 6159),
        [SearchMethod.EtenasPc.Name] = (379, 5415),
        [SearchMethod.DartsRandom.Name] = (11190, 12240),
        [SearchMethod.ZeroOneShot.Name] = (4124, 15175),
        [SearchMethod.ZeroOneShotRandom.Name] = (3838, 12252),
    };

    public static (double MemoryToDarts, double SecondsToDarts) Row(string method)
    {
        var (row, darts) = (s_rows[method], s_rows[SearchMethod.Darts.Name]);
        return (row.MiB / darts.MiB, row.Seconds / darts.Seconds);
    }
}
