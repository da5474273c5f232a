using TorchSharp;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Eigenvalues and singular values. LAPACK fails on matrices with numbers that are none, such as networks without any convolution have,
/// with an error that names neither function nor network; here their values are no numbers either, which ranking refuses by their names.
/// </summary>
internal static class Spectrum
{
    /// <summary>The eigenvalues of a symmetric matrix, in ascending order; one NaN where an entry is not finite.</summary>
    public static double[] Eigenvalues(Tensor symmetric) => Of(symmetric, matrix => linalg.eigvalsh(matrix));

    /// <summary>The singular values, in descending order; one NaN where an entry is not finite.</summary>
    public static double[] SingularValues(Tensor matrix) => Of(matrix, any => linalg.svdvals(any));

    private static double[] Of(Tensor matrix, Func<Tensor, Tensor> values)
    {
        using var scope = NewDisposeScope();
        return matrix.isfinite().all().ToBoolean()
            ? values(matrix).to(ScalarType.Float64).cpu().data<double>().ToArray()
            : [double.NaN];
    }
}
