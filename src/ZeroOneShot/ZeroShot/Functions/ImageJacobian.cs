using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>What <see cref="JacobianCovariance"/> and <see cref="EpeNas"/> share: how the logits change with the images.</summary>
internal static class ImageJacobian
{
    /// <summary>d (sum of all logits of the batch) / d image, images x numbers of an image.</summary>
    public static Tensor Of(RankedNetwork network, Tensor images, bool training)
    {
        using var scope = NewDisposeScope();
        using var mode = training ? null : network.Evaluation();
        return network.ImageGradient(images, logits => logits.sum()).flatten(1).to(ScalarType.Float64).MoveToOuterDisposeScope();
    }

    /// <summary>The correlation matrix of rows.</summary>
    public static Tensor Correlation(Tensor rows)
    {
        using var scope = NewDisposeScope();
        var centred = rows - rows.mean([1], keepdim: true);
        var unit = centred / centred.norm(1, keepdim: true);
        return unit.matmul(unit.t()).MoveToOuterDisposeScope();
    }
}
