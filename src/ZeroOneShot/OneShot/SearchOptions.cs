using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.OneShot;

/// <summary>
/// The settings of a one-shot search. The defaults are those of the paper's method (partial connections, beta decay) with the epochs,
/// batches and rates of the public PC-DARTS code, which the paper takes for all methods. <see cref="SearchMethod.Apply(SearchOptions)"/>
/// makes it another method, and leaves epochs, batches and rates as they are.
/// </summary>
public sealed record SearchOptions
{
    private const int EpochsOfThePaper = 50, BatchOfThePaper = 256;

    private const double LargestArchitectureLearningRate = 0.01, LeastParametersOfShort = 0.7;

    private readonly int? _warmupEpochs;

    /// <summary>
    /// The shape of the supernet, partial connections and edge normalisation included. Default: 16 channels, 8 cells, K = 4, edges with
    /// weights.
    /// </summary>
    public SupernetOptions Supernet { get; init; } = new();

    /// <summary>Number of epochs, at least 1. Default 50.</summary>
    public int Epochs { get; init; } = EpochsOfThePaper;

    /// <summary>
    /// Epochs in which only the weights are trained, at least 0 and fewer than <see cref="Epochs"/>. Default: three tenths of them, 15 of
    /// 50.
    /// </summary>
    public int WarmupEpochs
    {
        get => _warmupEpochs ?? Epochs * 3 / 10;
        init => _warmupEpochs = value;
    }

    /// <summary>
    /// Images per step, at least 2. Default 256. As in the public code, the last step of an epoch takes the images that are left of the
    /// train half (if that is one, which batch norms cannot do with, it is left out), and every architecture step a full batch of the other
    /// half. A step of few images costs as much time for each group of 16 that it begins.
    /// </summary>
    public int BatchSize { get; init; } = BatchOfThePaper;

    /// <summary>
    /// The memory that the process is to keep to, in bytes, by estimate (leave a margin), and where <see cref="Device"/> is a GPU that
    /// one's memory: the search then takes the largest batch, of <see cref="BatchSize"/> images or of a multiple of 16 below it, that
    /// <see cref="SearchMemory"/> predicts to fit, and learning rates of the weights that are smaller in the same proportion. Where none
    /// fits the search does not start. For <see cref="SupernetEvaluation.Lean"/>. Default null: no limit.
    /// </summary>
    public long? MaxMemory { get; init; }

    /// <summary>Share of the images that train the weights; the rest trains the architecture. In (0, 1). Default 0.5.</summary>
    public double TrainFraction { get; init; } = 0.5;

    /// <summary>
    /// Learning rate of the weights in epoch 0, at least 0; falls to <see cref="FinalLearningRate"/> along a cosine. Default 0.1.
    /// </summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Learning rate towards which the cosine falls, at least 0. Default 0.</summary>
    public double FinalLearningRate { get; init; }

    /// <summary>Momentum of SGD, 0 to below 1. Default 0.9.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>L2 weight decay of the weights, at least 0. Default 3e-4.</summary>
    public double WeightDecay { get; init; } = 3e-4;

    /// <summary>Largest norm of the weights' gradient, above 0; larger ones are scaled down. Default 5.</summary>
    public double ClipNorm { get; init; } = 5;

    /// <summary>Learning rate of alpha and beta, at least 0. Default 6e-4.</summary>
    public double ArchitectureLearningRate { get; init; } = 6e-4;

    /// <summary>L2 weight decay (not decoupled) of alpha and beta, at least 0. Default 1e-3.</summary>
    public double ArchitectureWeightDecay { get; init; } = 1e-3;

    /// <summary>How alphas become mixing weights, and a genotype is read off. Default: the softmax of DARTS.</summary>
    public Relaxation Relaxation { get; init; } = new SoftmaxRelaxation();

    /// <summary>
    /// What is added to the architecture's loss. Default: <see cref="BetaDecay"/> with the weight 25, as in the paper and in beta-DARTS;
    /// DARTS and PC-DARTS have nothing.
    /// </summary>
    public IReadOnlyList<ArchitectureLossTerm> LossTerms { get; init; } = [new BetaDecay()];

    /// <summary>
    /// The least that the found network has of parameters, from 0, the fewest that the mask allows, to 1, the most; the genotype is then
    /// the one of the highest score among those. A short search moves alphas by little, and operations without parameters lead while
    /// weights are untrained; large networks are better on the average. Without effect with a <see cref="CostTarget"/>. Default 0: the
    /// genotype of the highest score of all, as published.
    /// </summary>
    /// <remarks>
    /// By the surrogate of accuracies of the benchmarks, over 30 random halves of the space and random alphas, the genotype read off was on
    /// the average at percentile 53 of random genotypes with 0, 74 with 0.5, 79 with 0.6, 81 with 0.7, 80 with 0.8 and 75 with 0.9. On
    /// halves left by Algorithm 1 for CIFAR-10 (8 channels, 4 cells, 32 images, three seeds with three random alphas each) it was 65 with 0
    /// and 86 with 0.7, the mean of these halves 58.
    /// </remarks>
    public double LeastParameters { get; init; }

    /// <summary>What the found network may cost. Default null: whatever it does.</summary>
    public CostTarget? CostTarget { get; init; }

    /// <summary>
    /// How gradients are computed; both ways give the same numbers but for rounding. <see cref="SearchResult.Options"/> have the one that
    /// was taken. Default <see cref="SupernetEvaluation.Automatic"/>.
    /// </summary>
    public SupernetEvaluation Evaluation { get; init; } = SupernetEvaluation.Automatic;

    /// <summary>
    /// Whether the cells' outputs, which a lean step keeps from its forward to its backward run, are rounded to bfloat16 (8 bits of
    /// mantissa) and take half the memory while no cell works with them. All arithmetic stays in single precision. For networks of many
    /// cells: with 8, little is kept that is not in use when the peak comes. Default false.
    /// </summary>
    public bool BFloat16Activations { get; init; }

    /// <summary>Augmentation of both halves. Default: crop with padding 4 at 32 pixels, and flip.</summary>
    public Augmentation? Augmentation { get; init; }

    /// <summary>
    /// Ends the search when the architecture has stayed as it was for so many epochs after <see cref="WarmupEpochs"/>, at least 1: DARTS
    /// tends to get worse when it searches on (Liang et al., DARTS+, 2019). Default null: all epochs are searched.
    /// </summary>
    public int? Patience { get; init; }

    /// <summary>
    /// The time within which the search comes to its end; above 0. Where it does not suffice for all <see cref="Epochs"/>, there are fewer
    /// steps, and learning rates, warm-up and everything else that depends on the epoch go through their course in these: the result then
    /// depends on the speed of the machine. If steps suddenly take much longer, the search ends with the architecture found so far, within
    /// one step. Default null: no limit. A search that goes on from a checkpoint has it anew.
    /// </summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>
    /// Decides split, order, augmentation and start values. Default 0. All 64 bits count; libtorch's generator, which draws the start
    /// values, is begun from 32 bits of a hash of them (<see cref="RandomStream.Generator"/>).
    /// </summary>
    public long Seed { get; init; }

    /// <summary><c>cpu</c> (null), <c>cuda</c> or <c>cuda:N</c>.</summary>
    public string? Device { get; init; }

    /// <summary>How a GPU computes. Default: recorded steps, planar, with libtorch's own precision.</summary>
    public GpuOptions Gpu { get; init; } = new();

    /// <summary>What measures <see cref="TimeLimit"/>.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// Settings that suit a number of epochs. From 50 on those of the paper, but for the batch. Below, alphas need longer steps to get as
    /// far: their learning rate grows as the epochs become fewer, up to 0.01, and the weights' with the square root of the batch; and
    /// <see cref="LeastParameters"/> is 0.7.
    /// </summary>
    /// <param name="epochs">Number of epochs, at least 1.</param>
    /// <param name="batchSize">Images per step, at least 2.</param>
    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    public static SearchOptions ForEpochs(int epochs, int batchSize = BatchOfThePaper)
    {
        var paper = new SearchOptions { Epochs = epochs, BatchSize = batchSize };
        paper.Validate();
        return epochs >= EpochsOfThePaper ? paper : paper with
        {
            LearningRate = paper.LearningRate * Math.Sqrt((double)batchSize / BatchOfThePaper),
            ArchitectureLearningRate =
                Math.Min(LargestArchitectureLearningRate, paper.ArchitectureLearningRate * EpochsOfThePaper / epochs),
            LeastParameters = LeastParametersOfShort,
        };
    }

    /// <summary>Whether <see cref="Patience"/> is over, given the architecture after every epoch so far.</summary>
    internal bool IsSettled(IReadOnlyList<string> genotypes) =>
        Patience is { } patience && genotypes.Count > WarmupEpochs + patience && genotypes.TakeLast(patience + 1).Distinct().Count() == 1;

    /// <summary>
    /// The smallest batch that the search may come to take: <see cref="MaxMemory"/> may ask for fewer images than
    /// <see cref="BatchSize"/>, but for a whole group of lanes.
    /// </summary>
    internal int LeastBatchTaken => MaxMemory is null ? BatchSize : Math.Min(BatchSize, ProcessMemory.LanesOfAGroup);

    /// <summary>
    /// The same search with another batch size: the weights' learning rates in proportion to it, so that an epoch moves the weights as far
    /// (the linear scaling rule: Goyal et al. 2017, section 2.1). Adam's steps, alpha's, do not depend on the size of gradients and stay.
    /// </summary>
    internal SearchOptions WithBatchSize(int batchSize) => batchSize == BatchSize ? this : this with
    {
        BatchSize = batchSize,
        LearningRate = LearningRate * batchSize / BatchSize,
        FinalLearningRate = FinalLearningRate * batchSize / BatchSize,
    };

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Supernet);
        Supernet.Validate();
        ArgumentNullException.ThrowIfNull(Gpu);
        Gpu.Validate();
        Checked.Epochs(Epochs);
        if (WarmupEpochs < 0 || WarmupEpochs >= Epochs)
            throw new ArgumentException($"WarmupEpochs is {WarmupEpochs} of {Epochs} epochs; expected at least 0 and fewer than Epochs.");
        if (BatchSize < 2)
            throw new ArgumentException($"BatchSize is {BatchSize}; expected at least 2, since batch norms need more than one image.");
        if (!Enum.IsDefined(Evaluation))
            throw new ArgumentException($"Evaluation is {Evaluation}; expected Automatic, Lean or Plain.");
        if (BFloat16Activations && Evaluation == SupernetEvaluation.Plain)
        {
            throw new ArgumentException($"BFloat16Activations needs Evaluation = Lean; Evaluation is {Evaluation}. " +
                "Plain autograd keeps everything as it is.");
        }
        if (MaxMemory is <= 0)
            throw new ArgumentException($"MaxMemory is {MaxMemory} bytes; expected a positive number, or null for no limit.");
        if (MaxMemory is not null && Evaluation == SupernetEvaluation.Plain)
        {
            throw new ArgumentException($"Evaluation is {Evaluation}; memory is predicted, and MaxMemory kept to, for " +
                $"{SupernetEvaluation.Lean} alone. Leave MaxMemory out, or search that way.");
        }
        Checked.NotNegative(LearningRate, nameof(LearningRate));
        Checked.NotNegative(FinalLearningRate, nameof(FinalLearningRate));
        Checked.BelowOne(Momentum, nameof(Momentum));
        Checked.NotNegative(WeightDecay, nameof(WeightDecay));
        Checked.Positive(ClipNorm, nameof(ClipNorm));
        Checked.NotNegative(ArchitectureLearningRate, nameof(ArchitectureLearningRate));
        Checked.NotNegative(ArchitectureWeightDecay, nameof(ArchitectureWeightDecay));
        ArgumentNullException.ThrowIfNull(Relaxation);
        Relaxation.Validate();
        Checked.NoNull(LossTerms, nameof(LossTerms));
        foreach (var term in LossTerms)
            term.Validate();
        CostTarget?.Validate();
        if (LeastParameters is not (>= 0 and <= 1))
            throw new ArgumentException($"LeastParameters is {LeastParameters}; expected a share from 0 to 1.");
        if (TrainFraction is not (> 0 and < 1))
            throw new ArgumentException($"TrainFraction is {TrainFraction}; expected above 0 and below 1.");
        if (Patience < 1)
            throw new ArgumentException($"Patience is {Patience}; expected at least 1 epoch, or null to search all epochs.");
        if (TimeLimit <= TimeSpan.Zero)
            throw new ArgumentException($"TimeLimit is {TimeLimit}; expected a time above 0, or null for no limit.");
    }
}
