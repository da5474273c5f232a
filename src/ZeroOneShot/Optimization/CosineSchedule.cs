namespace ZeroOneShot.Optimization;

/// <summary>The cosine learning rate schedule of DARTS, stepped once per epoch.</summary>
public static class CosineSchedule
{
    /// <summary>final + (initial - final) * (1 + cos(pi * epoch / epochs)) / 2.</summary>
    /// <param name="initial">Learning rate of epoch 0.</param>
    /// <param name="final">Learning rate that epoch <paramref name="epochs"/> would have.</param>
    /// <param name="epoch">The epoch, from 0; fractions are allowed.</param>
    /// <param name="epochs">Number of epochs.</param>
    public static double At(double initial, double final, double epoch, int epochs) =>
        final + (initial - final) * (1 + Math.Cos(Math.PI * epoch / epochs)) / 2;
}
