using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>Drops an operation's output for single images with a probability, and scales what is kept by 1 / (1 - probability).</summary>
internal sealed class DropPath(double probability, Generator generator)
{
    public Tensor Apply(Tensor output)
    {
        using var scope = NewDisposeScope();
        var keep = empty([output.shape[0], 1, 1, 1], output.dtype);
        keep.bernoulli_(1 - probability, generator);
        return (output * keep.to(output.device).Scale(1 / (1 - probability))).MoveToOuterDisposeScope();
    }
}
