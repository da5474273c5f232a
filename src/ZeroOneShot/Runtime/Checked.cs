using System.Globalization;

namespace ZeroOneShot.Runtime;

/// <summary>Numbers that settings, or what came of them, must be.</summary>
internal static class Checked
{
    // Networks compute in single precision.
    private const double Largest = float.MaxValue;

    /// <exception cref="ArgumentException">The number is negative, NaN or beyond single precision.</exception>
    public static void NotNegative(double value, string name) => Require(value is >= 0 and <= Largest, value, name, "a number from 0 on");

    /// <exception cref="ArgumentException">The number is 0, negative, NaN or beyond single precision.</exception>
    public static void Positive(double value, string name) => Require(value is > 0 and <= Largest, value, name, "a number above 0");

    /// <exception cref="ArgumentException">The number is below 0, NaN, or 1 or more.</exception>
    public static void BelowOne(double value, string name) => Require(value is >= 0 and < 1, value, name, "at least 0 and below 1");

    /// <exception cref="DivergedException">The loss is infinite or NaN.</exception>
    public static void Finite(double loss, int epoch, double learningRate)
    {
        if (!double.IsFinite(loss))
            throw Diverged(string.Create(CultureInfo.InvariantCulture, $"The loss became {loss}"), epoch, learningRate);
    }

    /// <summary>The error of a run that goes nowhere any more.</summary>
    /// <param name="what">What is no finite number.</param>
    /// <param name="epoch">When, from 0.</param>
    /// <param name="learningRate">The learning rate of epoch 0.</param>
    public static DivergedException Diverged(string what, int epoch, double learningRate) =>
        new(string.Create(CultureInfo.InvariantCulture,
            $"{what} in epoch {epoch + 1}: the weights have grown beyond all bounds. " +
            $"Choose a smaller LearningRate than {learningRate}, or a smaller ClipNorm."));

    private static void Require(bool isSo, double value, string name, string expected)
    {
        if (!isSo)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; expected {expected}."));
    }
}
