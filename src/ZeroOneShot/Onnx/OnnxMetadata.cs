namespace ZeroOneShot.Onnx;

/// <summary>The free texts (<c>metadata_props</c>) of an ONNX model, read without ONNX Runtime and without ML.NET.</summary>
/// <remarks>
/// A model that this library wrote has a checksum among its texts (<c>zerooneshot.sha256</c>, <c>zerooneshot.format</c>), which is verified
/// and left out here. ONNX Runtime and ML.NET cannot verify it.
/// </remarks>
public static class OnnxMetadata
{
    /// <summary>Reads the texts of an ONNX model.</summary>
    /// <param name="onnx">The model, from its first byte to the end of the stream.</param>
    /// <returns>The texts by key; empty where the model has none.</returns>
    /// <exception cref="InvalidDataException">This is not an ONNX model, or is not what its checksum says.</exception>
    public static IReadOnlyDictionary<string, string> Read(Stream onnx)
    {
        ArgumentNullException.ThrowIfNull(onnx);
        return OnnxFiles.Read(onnx, "The stream").Texts;
    }

    /// <summary>Reads the texts of an ONNX model, on its own or inside a model saved by ML.NET.</summary>
    /// <param name="path">An ONNX file, or a zip written by ML.NET with an ONNX model in its pipeline.</param>
    /// <returns>
    /// The texts by key; empty where the model has none. Of several ONNX models in a zip, those of the last that has any: the pipeline is
    /// saved in order, and models that come earlier prepare the data for those that come later.
    /// </returns>
    /// <exception cref="FileNotFoundException">There is no such file, or it is a folder.</exception>
    /// <exception cref="InvalidDataException">
    /// The file is neither, is damaged, or is no regular file, or the zip has no ONNX model.
    /// </exception>
    public static IReadOnlyDictionary<string, string> Read(string path) => OnnxFiles.Read(path).Texts;
}
