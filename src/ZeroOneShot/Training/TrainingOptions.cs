using ZeroOneShot.Data;
using ZeroOneShot.Networks;

namespace ZeroOneShot.Training;

/// <summary>The settings of training a found network. The defaults are those of the paper and of the public DARTS code.</summary>
public sealed record TrainingOptions
{
    /// <summary>The shape of the network. Default: 36 channels, 20 cells, auxiliary head.</summary>
    public CellNetOptions Network { get; init; } = new();

    /// <summary>Number of epochs, at least 1. Default 600.</summary>
    public int Epochs { get; init; } = 600;

    /// <summary>Images per step, at least 2. Default 128.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Learning rate of epoch 0; falls to 0 along a cosine. Default 0.025.</summary>
    public double LearningRate { get; init; } = 0.025;

    /// <summary>Momentum of SGD. Default 0.9.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>L2 weight decay. Default 3e-4.</summary>
    public double WeightDecay { get; init; } = 3e-4;

    /// <summary>Largest norm of the gradient; larger ones are scaled down. Default 5.</summary>
    public double ClipNorm { get; init; } = 5;

    /// <summary>Weight of the auxiliary head's loss. Default 0.4.</summary>
    public double AuxiliaryWeight { get; init; } = 0.4;

    /// <summary>Drop path probability towards which it grows linearly with the epoch, 0 to below 1. Default 0.3.</summary>
    public double DropPath { get; init; } = 0.3;

    /// <summary>Augmentation. Default: crop with padding 4 at 32 pixels, flip, and cutout of half the side (16 at 32 pixels).</summary>
    public Augmentation? Augmentation { get; init; }

    /// <summary>Decides order, augmentation, start values and drop path. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary><c>cpu</c> (null), <c>cuda</c> or <c>cuda:N</c>.</summary>
    public string? Device { get; init; }

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        Network.Validate();
        if (Epochs < 1)
            throw new ArgumentException($"Epochs is {Epochs}; expected at least 1.");
        if (BatchSize < 2)
            throw new ArgumentException($"BatchSize is {BatchSize}; expected at least 2, since batch norms need more than one image.");
        if (DropPath is not (>= 0 and < 1))
            throw new ArgumentException($"DropPath is {DropPath}; expected at least 0 and below 1.");
    }
}
