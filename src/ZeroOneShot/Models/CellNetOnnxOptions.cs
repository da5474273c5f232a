namespace ZeroOneShot.Models;

/// <summary>The form in which a network is written as ONNX. The defaults suit ONNX Runtime users.</summary>
public sealed record CellNetOnnxOptions
{
    /// <summary>Name of the input: pixel values, batch x channels x height x width. Default <c>Features</c>.</summary>
    public string InputName { get; init; } = "Features";

    /// <summary>Whether the input is uint8. Default false: float32.</summary>
    public bool ByteInput { get; init; }

    /// <summary>What an input value is multiplied by to give a pixel value from 0 to 255. Default 1; 255 for inputs from 0 to 1.</summary>
    public float InputScale { get; init; } = 1;

    /// <summary>Name of the output: float32, batch x classes. Default <c>Score</c>.</summary>
    public string OutputName { get; init; } = "Score";

    /// <summary>Whether the output are probabilities. Default true; false gives logits.</summary>
    public bool Softmax { get; init; } = true;

    /// <summary>
    /// Whether the output has the shape [classes], for callers that score one image at a time such as ML.NET's OnnxTransformer.
    /// Default false.
    /// </summary>
    public bool FlattenOutput { get; init; }

    /// <summary>Further entries of the model's metadata, beside <c>class_names</c>. Default none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}
