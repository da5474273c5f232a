using ZeroOneShot.OneShot;

namespace ZeroOneShot.Benchmarks.Gpu;

/// <summary>
/// Where the parts compute and how large they are: as in the paper, or so small that a CPU shows within minutes that they run.
/// </summary>
internal sealed record Setting(string Device, bool IsSmall)
{
    // The paper's: 16 channels, 8 cells, batch 256, and for the found network 36 channels, 20 cells, batch 128.
    public Shape Search => IsSmall ? new Shape(4, 3) : new Shape(16, 8);

    public int SearchBatch => IsSmall ? 16 : 256;

    public Shape Train => IsSmall ? new Shape(4, 3) : new Shape(36, 20);

    public int TrainBatch => IsSmall ? 16 : 128;

    public int ImageSize => IsSmall ? 16 : 32;

    public int Repetitions => IsSmall ? 1 : 5;

    public int FlatSteps => IsSmall ? 40 : 200;

    /// <summary>Seconds of 50 epochs of the paper's search: 25,000 images a half, the architecture from epoch 15 on.</summary>
    public double SecondsOfSearch(double architectureSeconds, double weightsSeconds)
    {
        var options = new SearchOptions();
        var steps = (int)Math.Ceiling(25_000.0 / options.BatchSize);
        return steps * (options.Epochs * weightsSeconds + (options.Epochs - options.WarmupEpochs) * architectureSeconds);
    }
}
