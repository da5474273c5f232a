using System.Globalization;

namespace ZeroOneShot.Runtime;

/// <summary>Numbers that settings, or what came of them, must be.</summary>
internal static class Checked
{
    /// <summary>The most channels of a network's first cell, and the most cells.</summary>
    public const int MostChannels = 4096, MostCells = 1024;

    private const int MostStemMultiplier = 64, MostEpochs = 1_000_000;

    // Networks compute in single precision.
    private const double Largest = float.MaxValue;

    /// <exception cref="ArgumentException">The number is negative, NaN or beyond single precision.</exception>
    public static void NotNegative(double value, string name) => Require(value is >= 0 and <= Largest, value, name, "a number from 0 on");

    /// <exception cref="ArgumentException">The number is 0, negative, NaN or beyond single precision.</exception>
    public static void Positive(double value, string name) => Require(value is > 0 and <= Largest, value, name, "a number above 0");

    /// <exception cref="ArgumentException">The number is below 0, NaN, or 1 or more.</exception>
    public static void BelowOne(double value, string name) => Require(value is >= 0 and < 1, value, name, "at least 0 and below 1");

    /// <summary>The sizes of a network: far beyond anything that trains, and below what overflows further on.</summary>
    /// <exception cref="ArgumentException">A number is out of its range; the message names it.</exception>
    public static void Sizes(int channels, int fewestChannels, int cells, int? stemMultiplier)
    {
        Require(channels >= fewestChannels && channels <= MostChannels, channels, "Channels", $"{fewestChannels} to {MostChannels}");
        Require(cells is >= 1 and <= MostCells, cells, "Cells", $"1 to {MostCells}");
        Require(stemMultiplier is null or (>= 1 and <= MostStemMultiplier), stemMultiplier ?? 1, "StemMultiplier",
            $"1 to {MostStemMultiplier}");
    }

    /// <exception cref="ArgumentException">The number is below 1, or far beyond anything that ends.</exception>
    public static void Epochs(int epochs) => Require(epochs is >= 1 and <= MostEpochs, epochs, "Epochs", $"1 to {MostEpochs}");

    /// <exception cref="ArgumentException">One is null; the message names the list and the place.</exception>
    public static void NoNull<T>(IReadOnlyList<T> values, string name)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(values, name);
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i] is null)
                throw new ArgumentException($"{name}[{i}] is null; leave it out, or give one.");
        }
    }

    /// <exception cref="DivergedException">The loss is infinite or NaN.</exception>
    public static void Finite(double loss, int epoch, double learningRate)
    {
        if (!double.IsFinite(loss))
            throw DivergedWeights(string.Create(CultureInfo.InvariantCulture, $"The loss became {loss}"), epoch, learningRate);
    }

    /// <summary>The error of a run whose weights go nowhere any more.</summary>
    /// <param name="what">What is no finite number.</param>
    /// <param name="epoch">When, from 0.</param>
    /// <param name="learningRate">The weights' learning rate of epoch 0.</param>
    public static DivergedException DivergedWeights(string what, int epoch, double learningRate) =>
        Diverged(what, "weights", epoch, "LearningRate", learningRate, ", or a smaller ClipNorm");

    /// <summary>The error of a run that goes nowhere any more.</summary>
    /// <param name="what">What is no finite number.</param>
    /// <param name="grown">What has grown.</param>
    /// <param name="epoch">When, from 0.</param>
    /// <param name="option">The setting that makes it grow less.</param>
    /// <param name="value">Its value.</param>
    /// <param name="orElse">What else might help.</param>
    public static DivergedException Diverged(string what, string grown, int epoch, string option, double value, string orElse = "") =>
        new(string.Create(CultureInfo.InvariantCulture,
            $"{what} in epoch {epoch + 1}: the {grown} have grown beyond all bounds. Choose a smaller {option} than {value}{orElse}."));

    private static void Require(bool isSo, double value, string name, string expected)
    {
        if (!isSo)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; expected {expected}."));
    }
}
