namespace ZeroOneShot.Networks;

/// <summary>The shape of an evaluation network.</summary>
public sealed record CellNetOptions
{
    /// <summary>Channels of the first cells; they double at every reduction. Default 36 (DARTS).</summary>
    public int Channels { get; init; } = 36;

    /// <summary>Number of cells, at least 3. Default 20 (DARTS).</summary>
    public int Cells { get; init; } = 20;

    /// <summary>Whether there is an auxiliary classifier behind the second reduction, used in training only. Default true.</summary>
    public bool AuxiliaryHead { get; init; } = true;

    /// <summary>The stem has this times <see cref="Channels"/>. Default 3 (DARTS).</summary>
    public int StemMultiplier { get; init; } = 3;

    /// <summary>Whether the batch norms inside the candidate operations have a learned scale and shift. Default true.</summary>
    public bool AffineOperations { get; init; } = true;

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        if (Channels < 2)
            throw new ArgumentException($"Channels is {Channels}; expected at least 2.");
        if (Cells < 3)
            throw new ArgumentException($"Cells is {Cells}; expected at least 3, so that there are normal and reduction cells.");
        if (StemMultiplier < 1)
            throw new ArgumentException($"StemMultiplier is {StemMultiplier}; expected at least 1.");
    }
}
