using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>Drops an operation's output for single images with a probability, and scales what is kept by 1 / (1 - probability).</summary>
internal sealed class DropPath(double probability, Generator generator)
{
    public Tensor Apply(Tensor output)
    {
        using var scope = NewDisposeScope();
        var factors = Factors(output.shape[0], output.dtype).view(-1, 1, 1, 1);
        return output.mul(factors.ToDevice(output.device)).MoveToOuterDisposeScope();
    }

    /// <summary>For every image 0, or 1 / (1 - probability).</summary>
    public Tensor Factors(long images, ScalarType type)
    {
        var factors = empty([images], type);
        factors.bernoulli_(1 - probability, generator);
        return factors.Scale(1 / (1 - probability));
    }
}
