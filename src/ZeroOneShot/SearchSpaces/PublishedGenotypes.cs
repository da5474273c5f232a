namespace ZeroOneShot.SearchSpaces;

/// <summary>Architectures from the literature, for training without a search and for checking the counters.</summary>
public static class PublishedGenotypes
{
    /// <summary>DARTS, first order (Liu et al. 2019).</summary>
    public static Genotype DartsV1 { get; } = Genotype.Parse("""
        Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), ('skip_connect', 0),
        ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0),
        ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2),
        ('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])
        """);

    /// <summary>DARTS, second order (Liu et al. 2019): 3.349 M parameters at 36 channels, 20 cells, 10 classes.</summary>
    public static Genotype DartsV2 { get; } = Genotype.Parse("""
        Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1),
        ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0),
        ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2),
        ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])
        """);

    /// <summary>PC-DARTS, searched on CIFAR-10 (Xu et al. 2020): 3.635 M parameters at 36 channels, 20 cells, 10 classes.</summary>
    public static Genotype PcDartsCifar { get; } = Genotype.Parse("""
        Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), ('dil_conv_3x3', 1), ('sep_conv_5x5', 0),
        ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)], normal_concat=range(2, 6), reduce=[('sep_conv_5x5', 1),
        ('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1),
        ('sep_conv_3x3', 2)], reduce_concat=range(2, 6))
        """);

    /// <summary>P-DARTS, searched on CIFAR-10 (Chen et al. 2019): 3.434 M parameters at 36 channels, 20 cells, 10 classes.</summary>
    public static Genotype PDarts { get; } = Genotype.Parse("""
        Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1),
        ('sep_conv_3x3', 3), ('sep_conv_3x3', 0), ('dil_conv_5x5', 4)], normal_concat=range(2, 6), reduce=[('avg_pool_3x3', 0),
        ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 2), ('max_pool_3x3', 0), ('dil_conv_3x3', 1), ('dil_conv_3x3', 1),
        ('dil_conv_5x5', 3)], reduce_concat=range(2, 6))
        """);

    /// <summary>All of them by the name they have in the public repositories.</summary>
    public static IReadOnlyDictionary<string, Genotype> ByName { get; } = new Dictionary<string, Genotype>
    {
        ["DARTS_V1"] = DartsV1,
        ["DARTS_V2"] = DartsV2,
        ["PC_DARTS_cifar"] = PcDartsCifar,
        ["PDARTS"] = PDarts,
    };
}
