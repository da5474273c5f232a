using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>What a term is multiplied by: a number, or one on a GPU that nobody waits for.</summary>
/// <param name="Value">The number, where it is known.</param>
/// <param name="OnDevice">Else a tensor without dimensions.</param>
internal readonly record struct Factor(double Value, Tensor? OnDevice = null)
{
    public static implicit operator Factor(double value) => new(value);

    /// <summary>sum += factor * term.</summary>
    public void AddTo(Tensor sum, Tensor term)
    {
        if (OnDevice is null)
            sum.Accumulate(term, Value);
        else
            sum.AccumulateProduct(term, OnDevice);
    }

    /// <summary>factor * term.</summary>
    public Tensor Times(Tensor term) => OnDevice is null ? term.Times(Value) : term.mul(OnDevice);
}
