using ZeroOneShot.OneShot;

namespace ZeroOneShot.Experiments;

/// <summary>The paper's Table 1: on one V100 at batch 256.</summary>
public static class PaperTable1
{
    /// <summary>The rows, in the paper's order.</summary>
    public static IReadOnlyList<PaperRow> Rows { get; } =
    [
        new(SearchMethod.Darts.Name, 21593, 22924, 96.79, 75.86),
        new(SearchMethod.BetaDarts.Name, 21593, 23166, 96.84, 80.01),
        new(SearchMethod.PcDarts.Name, 6438, 19597, 95.32, 77.41),
        new(SearchMethod.Etenas.Name, 363, 6159, 96.11, 78.52),
        new(SearchMethod.EtenasPc.Name, 379, 5415, 96.14, 79.10),
        new(SearchMethod.DartsRandom.Name, 11190, 12240, 96.63, 79.58),
        new(SearchMethod.ZeroOneShot.Name, 4124, 15175, 96.86, 80.46),
        new(SearchMethod.ZeroOneShotRandom.Name, 3838, 12252, 96.51, 80.35),
    ];

    /// <summary>The row of a method; null where the paper has none.</summary>
    /// <param name="method">The method's name.</param>
    public static PaperRow? Row(string method) => Rows.FirstOrDefault(row => row.Method == method);
}
