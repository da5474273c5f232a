namespace ZeroOneShot.OneShot;

/// <summary>How far a search has come.</summary>
internal sealed record SearchState
{
    /// <summary>The epoch of the next step.</summary>
    public int Epoch { get; set; }

    /// <summary>The number of the next step in its epoch.</summary>
    public int Step { get; set; }

    /// <summary>Architecture steps taken.</summary>
    public long Updates { get; set; }

    /// <summary>Images of this epoch's weights steps.</summary>
    public long Images { get; set; }

    /// <summary>Sum of their losses.</summary>
    public double Loss { get; set; }

    /// <summary>How many of them were classified rightly.</summary>
    public long Correct { get; set; }

    /// <summary>Sum of the architecture steps' losses in this epoch.</summary>
    public double SearchLoss { get; set; }

    /// <summary>Images classified rightly in this epoch's architecture steps.</summary>
    public long SearchCorrect { get; set; }

    /// <summary>The epochs that are over.</summary>
    public List<FinishedEpoch> Finished { get; init; } = [];

    /// <summary>A <see cref="SearchEpoch"/> with its genotype as text.</summary>
    public sealed record FinishedEpoch(double Loss, double Accuracy, double? SearchLoss, double? SearchAccuracy, string Genotype);
}
