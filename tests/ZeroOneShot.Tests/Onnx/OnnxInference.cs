using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using TorchSharp;

namespace ZeroOneShot.Tests.Onnx;

/// <summary>ONNX Runtime as the judge of a model with one input and one output.</summary>
internal static class OnnxInference
{
    /// <summary>What the model makes of x, of type uint8 or float32.</summary>
    public static torch.Tensor Run(byte[] model, torch.Tensor x)
    {
        using var session = new InferenceSession(model);
        var name = session.InputMetadata.Keys.Single();
        int[] shape = [.. x.shape.Select(length => (int)length)];
        using var contiguous = x.contiguous();
        var value = x.dtype == torch.uint8
            ? NamedOnnxValue.CreateFromTensor(name, new DenseTensor<byte>(contiguous.data<byte>().ToArray(), shape))
            : NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(contiguous.data<float>().ToArray(), shape));
        using var results = session.Run([value]);
        var result = results[0].AsTensor<float>();
        return torch.tensor(result.ToArray(), [.. result.Dimensions.ToArray().Select(length => (long)length)]);
    }
}
