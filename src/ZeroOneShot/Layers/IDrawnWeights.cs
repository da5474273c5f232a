namespace ZeroOneShot.Layers;

/// <summary>
/// A module that knows the start values of its own parameters. Those of other modules are drawn so: what has two or more dimensions as the
/// weight of a convolution, what has one is 0 if it is called a bias, and 1 otherwise.
/// </summary>
public interface IDrawnWeights
{
    /// <summary>Sets the parameters that belong to this module itself, not to modules inside it.</summary>
    /// <param name="draw">How, and where random numbers come from.</param>
    void Draw(WeightDraw draw);
}
