using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Models;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Extending.Tests;

/// <summary>Small images of three kinds of stripes, and what every extension is tried on.</summary>
internal static class Stripes
{
    public const int Side = 16;

    public static readonly string[] ClassNames = ["across", "down", "both"];

    public static ImageSet Images(int count = 48)
    {
        var random = new Random(7);
        var shape = new ImageShape(3, Side, Side);
        var pixels = new byte[count * shape.Size];
        var labels = new int[count];
        for (var i = 0; i < count; i++)
        {
            labels[i] = i % ClassNames.Length;
            for (var p = 0; p < shape.Size; p++)
            {
                var (row, column) = (p / Side % Side, p % Side);
                var bright = labels[i] switch { 0 => row % 4 < 2, 1 => column % 4 < 2, _ => (row / 4 + column / 4) % 2 == 0 };
                pixels[i * shape.Size + p] = (byte)((bright ? 150 : 50) + random.Next(50));
            }
        }
        return new ImageSet(pixels, labels, shape, ClassNames);
    }

    public static SearchOptions Search => new()
    {
        Supernet = new SupernetOptions { Channels = 4, Cells = 2, PartialChannels = 1, EdgeNormalization = false },
        Epochs = 3, WarmupEpochs = 1, BatchSize = 12, LossTerms = [], ArchitectureLearningRate = 0.05,
    };

    /// <summary>A space with one operation beside the identity.</summary>
    public static SearchSpace SpaceOf(CandidateOperation operation) => new("with-" + operation.Name, new CellTopology(nodes: 1),
        [CandidateOperation.None, CandidateOperation.SkipConnect, operation], macro: MacroArchitecture.Darts);

    /// <summary>The logits of a network as an ONNX model, by ONNX Runtime.</summary>
    public static torch.Tensor LogitsOfOnnx(CellNet network, torch.Tensor images)
    {
        using var model = new MemoryStream();
        CellNetOnnx.Write(network, new ChannelStatistics([0, 0, 0], [1, 1, 1]), new ImageShape(3, Side, Side), ClassNames, model,
            new CellNetOnnxOptions { InputScale = 255, Softmax = false });
        return RunOnnx(model.ToArray(), "Features", images);
    }

    /// <summary>The output of a model, by ONNX Runtime.</summary>
    public static torch.Tensor RunOnnx(byte[] model, string input, torch.Tensor images)
    {
        using var session = new InferenceSession(model);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor(input,
            new DenseTensor<float>(images.data<float>().ToArray(), [.. images.shape.Select(length => (int)length)]))]);
        var logits = results[0].AsTensor<float>();
        return torch.tensor(logits.ToArray(), [.. logits.Dimensions.ToArray().Select(length => (long)length)]);
    }
}
