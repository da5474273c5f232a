using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>What <see cref="Figure1"/> draws.</summary>
public sealed record Figure1Options
{
    /// <summary>How many architectures are drawn from each distribution. Default 100,000; at least 100.</summary>
    public int Architectures { get; init; } = 100_000;

    /// <summary>xi: the probability with which a random mask keeps an operation, above 0 to 1. Default 0.5.</summary>
    public double Level { get; init; } = 0.5;

    /// <summary>How many random masks are shown one by one. Default 3; at least 0.</summary>
    public int RandomMasks { get; init; } = 3;

    /// <summary>Other masks of the space by name, for example those that ranking functions left. Default none.</summary>
    public IReadOnlyDictionary<string, OperationMask> Masks { get; init; } = new Dictionary<string, OperationMask>();

    /// <summary>Decides masks and architectures. Default 0.</summary>
    public long Seed { get; init; }

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate(SearchSpace space)
    {
        if (Architectures < 100)
            throw new ArgumentException($"Architectures is {Architectures}; expected at least 100, to see the shape of a distribution.");
        if (Level is not (> 0 and <= 1))
            throw new ArgumentException($"Level is {Level}; expected the probability to keep an operation, above 0 and up to 1.");
        if (RandomMasks < 0)
            throw new ArgumentException($"RandomMasks is {RandomMasks}; expected at least 0.");
        ArgumentNullException.ThrowIfNull(Masks);
        foreach (var (name, mask) in Masks)
        {
            if (mask.Space.Name != space.Name)
            {
                throw new ArgumentException(
                    $"Mask '{name}' is of search space '{mask.Space.Name}', the yardstick of '{space.Name}'; give masks of that space.");
            }
            mask.ThrowIfNoGenotype();
        }
    }
}
