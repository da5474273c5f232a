using System.Text.Json.Serialization;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Optimization;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Training;

/// <summary>The settings of training a found network. The defaults are those of the paper and of the public DARTS code.</summary>
public sealed record TrainingOptions
{
    private const int EpochsOfThePaper = 600, EpochsOfTheRecipe = 300, EpochsOfCutout = 60;

    private const double LearningRateOfShort = 0.05, BatchOfShort = 32;

    /// <summary>The shape of the network. Default: 36 channels, 20 cells, auxiliary head.</summary>
    public CellNetOptions Network { get; init; } = new();

    /// <summary>Number of epochs, at least 1. Default 600.</summary>
    public int Epochs { get; init; } = EpochsOfThePaper;

    /// <summary>
    /// Images per step, at least 2. Default 128. The last step of an epoch takes those that are left, as in the public code; if that is
    /// one, which batch norms cannot do with, it is left out, another one in every epoch. A step of few images costs as much time for each
    /// group of 16 that it begins.
    /// </summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>
    /// The resident memory that the process is to keep to, in bytes, by estimate (leave a margin), and where <see cref="Device"/> is a GPU
    /// that one's memory: <see cref="TrainingMemory"/> predicts what fits. The training recomputes as much as it must
    /// (<see cref="Recomputation"/>; on a GPU nothing is); where that is not enough it takes the largest batch, of a multiple of 16 below
    /// <see cref="BatchSize"/>, that fits, and a learning rate that is smaller in the same proportion; see also
    /// <see cref="SmallestBatch"/>. Where nothing fits the training does not start. Default null: no limit.
    /// </summary>
    public long? MaxMemory { get; init; }

    /// <summary>
    /// The smallest batch that <see cref="MaxMemory"/> may choose, at least 2. Default 16. Where not even it fits, the gradient of a step
    /// is accumulated over parts of its images, of 16 or a multiple of that; each part then has batch norm statistics of its own.
    /// </summary>
    public int SmallestBatch { get; init; } = 16;

    /// <summary>
    /// What is computed twice in place of being kept in memory; what is trained does not depend on it. Default: as little as fits.
    /// </summary>
    public Recomputation Recomputation { get; init; }

    /// <summary>The largest learning rate, at least 0, that of epoch 0 without <see cref="Warmup"/>. Default 0.025.</summary>
    public double LearningRate { get; init; } = 0.025;

    /// <summary>How the learning rate falls to 0. Default <see cref="LearningRateSchedule.CosineByEpoch"/>.</summary>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.CosineByEpoch;

    /// <summary>
    /// The share of the training, 0 to below 1, in which the learning rate first rises from nearly 0 in a straight line, step by step; it
    /// falls, as <see cref="Schedule"/> says, in the rest (Smith, Super-Convergence, 2018). Default 0.
    /// </summary>
    public double Warmup { get; init; }

    /// <summary>Momentum of SGD, 0 to below 1. Default 0.9.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Whether momentum is Nesterov's, which looks a step ahead (Sutskever et al. 2013). Default false.</summary>
    public bool Nesterov { get; init; }

    /// <summary>
    /// The share of every label that is spread evenly over all classes, 0 to below 1 (Szegedy et al. 2016, section 7). The losses that are
    /// told are those without it. Default 0.
    /// </summary>
    public double LabelSmoothing { get; init; }

    /// <summary>
    /// The decay, with every step, of a moving average of weights and running statistics that is validated and kept in place of the last
    /// ones, 0 to below 1 (Polyak and Juditsky 1992); over the first steps it is shorter, so that random weights are soon forgotten.
    /// Default 0: no average.
    /// </summary>
    public double WeightAverage { get; init; }

    /// <summary>
    /// Whether the first convolution, where a batch norm follows it, begins with the principal components of the images' patches, of
    /// either sign, in place of drawn filters (whitening: Coates and Ng 2012; Jordan 2024, section 3.2); it is trained all the same.
    /// A training that goes on from weights has theirs. Default false.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool WhitenedStem { get; init; }

    /// <summary>
    /// Whether the logits are divided at the end by the number that makes the validation loss smallest, so that probabilities are as high
    /// as they turn out right; which class is the most probable does not change (Guo et al. 2017, section 4.2). The classifier's weights
    /// hold it, and so does every saved model. Needs a validation set. Default false.
    /// </summary>
    public bool TemperatureScaling { get; init; }

    /// <summary>How much the classes count in the loss. Default <see cref="ClassWeighting.Equal"/>: every image as any other.</summary>
    public ClassWeighting ClassWeighting { get; init; } = ClassWeighting.Equal;

    /// <summary>L2 weight decay, at least 0. Default 3e-4.</summary>
    public double WeightDecay { get; init; } = 3e-4;

    /// <summary>Largest norm of the gradient, above 0; larger ones are scaled down. Default 5.</summary>
    public double ClipNorm { get; init; } = 5;

    /// <summary>Weight of the auxiliary head's loss, at least 0. Default 0.4.</summary>
    public double AuxiliaryWeight { get; init; } = 0.4;

    /// <summary>Drop path probability towards which it grows linearly with the epoch, 0 to below 1. Default 0.3.</summary>
    public double DropPath { get; init; } = 0.3;

    /// <summary>
    /// Augmentation. Default: crop with padding 4 at 32 pixels, flip, and where <see cref="Cutout"/> is set cutout of half the side (16 at
    /// 32 pixels).
    /// </summary>
    public Augmentation? Augmentation { get; init; }

    /// <summary>Whether the default <see cref="Augmentation"/> cuts out; one of one's own says so itself. Default true.</summary>
    public bool Cutout { get; init; } = true;

    /// <summary>
    /// Ends the training when its validation no longer gets better, and keeps the weights of the best epoch; needs a validation set. A
    /// training that diverges ends with those too, and says so (<see cref="TrainedCellNet.DivergedEpoch"/>), or with an error if no epoch
    /// was over before. Default null: all epochs are trained, and the last weights kept; a training that diverges ends with an error.
    /// </summary>
    public EarlyStopping? EarlyStopping { get; init; }

    /// <summary>
    /// The time within which the training comes to its end; above 0. Where it does not suffice for all <see cref="Epochs"/>, there are
    /// fewer steps, and the learning rate and <see cref="DropPath"/> go through their whole course in these, the last epoch being a part of
    /// one: the result then depends on the speed of the machine. If steps suddenly take much longer, the training ends within one step,
    /// with the weights of the best validated epoch, or without a validation set those of that moment. Default null: no limit. A training
    /// that goes on from a checkpoint has it anew.
    /// </summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>
    /// Epochs, from <see cref="Epochs"/> on, that the training may be lengthened to where <see cref="TimeLimit"/> leaves time for clearly
    /// more of them (3 % or more): learning rates then come to their end as the time does, and the result depends on the speed of the
    /// machine. Default null: none but <see cref="Epochs"/>.
    /// </summary>
    public int? MostEpochs { get; init; }

    /// <summary>
    /// Decides order, augmentation, start values and drop path. Default 0. All 64 bits count; libtorch's generator, which draws start
    /// values and drop path, is begun from 32 bits of a hash of them (<see cref="RandomStream.Generator"/>).
    /// </summary>
    public long Seed { get; init; }

    /// <summary><c>cpu</c> (null), <c>cuda</c> or <c>cuda:N</c>.</summary>
    public string? Device { get; init; }

    /// <summary>How a GPU computes. Default: channels-last, with libtorch's own precision.</summary>
    public GpuOptions Gpu { get; init; } = new() { ChannelsLast = true };

    /// <summary>What measures <see cref="TimeLimit"/>.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// The smallest batch that the training may come to take: <see cref="MaxMemory"/> may ask for fewer images than
    /// <see cref="BatchSize"/>.
    /// </summary>
    internal int LeastBatchTaken => MaxMemory is null ? BatchSize : Math.Min(BatchSize, SmallestBatch);

    /// <summary>
    /// Settings that suit a number of epochs. From 300 epochs on those of the paper. Below, a recipe for little time: the learning rate
    /// rises for a fifth of the training and then falls in a straight line with every step (one cycle), Nesterov's momentum, smoothed
    /// labels, more weight decay, a whitened stem, no auxiliary head; and regularisation that grows with the epochs, since a short
    /// training does not overfit: drop path from 0 at 60 epochs, cutout from 60 on.
    /// </summary>
    /// <remarks>
    /// After 8 epochs of 5,000 CIFAR-10 images with 8 channels, 3 cells and batches of 32, the share of 3,000 test images classified
    /// rightly was 62.4 % with this recipe (then without the whitened stem) and 56.2 % with a cosine by epoch from 0.1 and nothing else of
    /// it. Each changed by itself, at a learning rate of 0.1, which gave 61.2 %: 0.2 59.8 %, without label smoothing 59.4 %, with averaged
    /// weights left out 61.6 %, batches of 64 60.0 %. One seed each, so that a point is no difference.
    /// </remarks>
    /// <param name="epochs">Number of epochs, at least 1.</param>
    /// <param name="batchSize">Images per step, at least 2; the learning rate grows with its square root.</param>
    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    public static TrainingOptions ForEpochs(int epochs, int batchSize = 128)
    {
        var paper = new TrainingOptions { Epochs = epochs, BatchSize = batchSize };
        paper.Validate();
        if (epochs >= EpochsOfTheRecipe)
            return paper;
        var few = epochs < EpochsOfCutout;
        return paper with
        {
            Network = paper.Network with { AuxiliaryHead = false },
            LearningRate = LearningRateOfShort * Math.Sqrt(batchSize / BatchOfShort),
            Schedule = LearningRateSchedule.Linear,
            Warmup = 0.2,
            Nesterov = true,
            WeightDecay = 5e-4,
            LabelSmoothing = 0.1,
            WhitenedStem = true,
            DropPath = few ? 0 : paper.DropPath * epochs / EpochsOfThePaper,
            Cutout = !few,
        };
    }

    /// <summary>The learning rate at a moment.</summary>
    /// <param name="epoch">The epoch, a whole one unless <see cref="TimeLimit"/> has made the training shorter or longer.</param>
    /// <param name="progress">The share of all steps that is over.</param>
    internal double LearningRateAt(double epoch, double progress)
    {
        if (progress < Warmup)
            return LearningRate * Math.Max(progress, 1e-3) / Warmup;
        var left = Warmup == 0 ? progress : (progress - Warmup) / (1 - Warmup);
        return Schedule switch
        {
            LearningRateSchedule.Linear => LearningRate * (1 - left),
            LearningRateSchedule.CosineByEpoch when Warmup == 0 => CosineSchedule.At(LearningRate, 0, epoch, Epochs),
            _ => CosineSchedule.At(LearningRate, 0, left, 1),
        };
    }

    /// <summary>
    /// The same training with another batch size: the learning rate in proportion to it, so that an epoch moves the weights as far (the
    /// linear scaling rule: Goyal et al. 2017, section 2.1).
    /// </summary>
    internal TrainingOptions WithBatchSize(int batchSize) => batchSize == BatchSize
        ? this
        : this with { BatchSize = batchSize, LearningRate = LearningRate * batchSize / BatchSize };

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Network);
        Network.Validate();
        ArgumentNullException.ThrowIfNull(Gpu);
        Gpu.Validate();
        Checked.Epochs(Epochs);
        if (BatchSize < 2)
            throw new ArgumentException($"BatchSize is {BatchSize}; expected at least 2, since batch norms need more than one image.");
        if (SmallestBatch < 2)
        {
            throw new ArgumentException(
                $"SmallestBatch is {SmallestBatch}; expected at least 2, since batch norms need more than one image.");
        }
        if (!Enum.IsDefined(Recomputation))
            throw new ArgumentException($"Recomputation is {Recomputation}; expected Automatic, None or All.");
        if (MaxMemory is <= 0)
            throw new ArgumentException($"MaxMemory is {MaxMemory} bytes; expected a positive number, or null for no limit.");
        Checked.NotNegative(LearningRate, nameof(LearningRate));
        Checked.BelowOne(Momentum, nameof(Momentum));
        Checked.BelowOne(Warmup, nameof(Warmup));
        Checked.BelowOne(LabelSmoothing, nameof(LabelSmoothing));
        Checked.BelowOne(WeightAverage, nameof(WeightAverage));
        if (!Enum.IsDefined(Schedule) || !Enum.IsDefined(ClassWeighting))
        {
            throw new ArgumentException(
                $"Schedule is {Schedule} and ClassWeighting {ClassWeighting}; expected values of their enumerations.");
        }
        Checked.NotNegative(WeightDecay, nameof(WeightDecay));
        Checked.Positive(ClipNorm, nameof(ClipNorm));
        Checked.NotNegative(AuxiliaryWeight, nameof(AuxiliaryWeight));
        Checked.BelowOne(DropPath, nameof(DropPath));
        EarlyStopping?.Validate();
        if (MostEpochs is { } most)
        {
            if (most < Epochs)
                throw new ArgumentException($"MostEpochs is {most}; expected Epochs, {Epochs}, or more, or null for no more than those.");
            Checked.Epochs(most);
        }
        if (TimeLimit <= TimeSpan.Zero)
            throw new ArgumentException($"TimeLimit is {TimeLimit}; expected a time above 0, or null for no limit.");
    }
}
