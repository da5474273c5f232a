using ZeroOneShot.Optimization;
using ZeroOneShot.SearchSpaces;

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

    /// <summary>Architecture steps of this epoch.</summary>
    public int SearchSteps { get; set; }

    /// <summary>Images classified rightly in this epoch's architecture steps.</summary>
    public long SearchCorrect { get; set; }

    /// <summary>How far its schedule has come, where it is not that of the epochs.</summary>
    public ScheduleState Schedule { get; set; } = new();

    /// <summary>The epochs that are over; the last may be a part of one.</summary>
    public List<FinishedEpoch> Finished { get; init; } = [];

    /// <summary>Refuses what no search can have written.</summary>
    /// <exception cref="InvalidDataException">There is such a thing.</exception>
    public void ThrowIfImpossible(string path, int epochs, int steps)
    {
        if (Epoch < 0 || Epoch > epochs || Step < 0 || Step > steps || Updates < 0 || Finished?.Count != Epoch || !Finished.All(IsWhole)
            || Schedule?.IsPossible((long)epochs * steps) != true)
        {
            throw new InvalidDataException($"'{path}' says that the search had come to step {Step} of epoch {Epoch} with " +
                $"{Finished?.Count} epochs done; it was not written by one of {epochs} epochs of {steps} steps. Delete it to begin anew.");
        }

        static bool IsWhole(FinishedEpoch? epoch)
        {
            try
            {
                return epoch?.Genotype is { } genotype && SearchSpaces.Genotype.Parse(genotype) is not null
                    && epoch.Alphas?.Values.All(alphas => alphas is not null) == true;
            }
            catch (FormatException)
            {
                return false;
            }
        }
    }

    /// <summary>A <see cref="SearchEpoch"/> with its genotype as text.</summary>
    public sealed record FinishedEpoch(double Loss, double Accuracy, double? SearchLoss, double? SearchAccuracy, string Genotype)
    {
        public Dictionary<CellKind, float[]> Alphas { get; init; } = [];
    }
}
