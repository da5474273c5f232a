namespace ZeroOneShot.Experiments;

/// <summary>A row of the paper's Table 1.</summary>
/// <param name="Method">The method.</param>
/// <param name="MemoryMiB">Memory of the search on the GPU, MiB.</param>
/// <param name="SearchSeconds">Seconds of pruning and search, CIFAR-10.</param>
/// <param name="Cifar10">Accuracy on CIFAR-10 after training, percent.</param>
/// <param name="Cifar100">Accuracy on CIFAR-100 after training, percent.</param>
public sealed record PaperRow(string Method, double MemoryMiB, double SearchSeconds, double Cifar10, double Cifar100);
