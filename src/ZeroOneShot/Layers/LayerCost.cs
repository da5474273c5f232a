namespace ZeroOneShot.Layers;

/// <summary>What a layer costs, as the literature counts it.</summary>
/// <param name="Parameters">Number of learned parameters.</param>
/// <param name="MultiplyAdds">Multiplications and additions of one image's convolutions, a pair counted once.</param>
public readonly record struct LayerCost(long Parameters, long MultiplyAdds)
{
    /// <summary>The sum of two costs.</summary>
    /// <param name="a">A cost.</param>
    /// <param name="b">Another.</param>
    public static LayerCost operator +(LayerCost a, LayerCost b) => Add(a, b);

    /// <summary>The sum of two costs.</summary>
    /// <param name="left">A cost.</param>
    /// <param name="right">Another.</param>
    public static LayerCost Add(LayerCost left, LayerCost right) =>
        new(left.Parameters + right.Parameters, left.MultiplyAdds + right.MultiplyAdds);
}
