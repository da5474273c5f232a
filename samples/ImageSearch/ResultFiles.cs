using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.ML;
using ZeroOneShot.Persistence;

namespace ImageSearch;

/// <summary>The files that a run leaves, each whole or not at all.</summary>
internal sealed class ResultFiles(string folder)
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        // Keeps the quotation marks of the genotype readable.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly List<string> _written = [];

    /// <summary>The paths of the files written so far.</summary>
    public IReadOnlyList<string> Written => _written;

    /// <summary>The whole chain of transformers, from images to labels, for ML.NET.</summary>
    public string Model => Path.Combine(folder, "model.zip");

    /// <summary>Writes the model, what the search found, and what the model says of every test image.</summary>
    public void WriteModel(MLContext mlContext, TransformerChain<CellNetTransformer> model, DataViewSchema schema, Evaluation evaluation)
    {
        var network = model.LastTransformer;
        Write("model.zip", stream => mlContext.Model.Save(model, schema, stream));
        Write("model.onnx", network.ExportOnnx);
        Write("mask.json", network.Mask!.ToJson());
        Write("genotype.json", network.Genotype.ToJson());
        Write("predictions.csv", Csv(evaluation));
    }

    /// <summary>Writes the numbers of the run.</summary>
    public void WriteMetrics(Metrics metrics) => Write("metrics.json", JsonSerializer.Serialize(metrics, s_json));

    private static string Csv(Evaluation evaluation)
    {
        var names = evaluation.ClassNames;
        var lines = evaluation.Predictions.Select(prediction => string.Create(CultureInfo.InvariantCulture,
            $"{Quoted(prediction.Image)},{Quoted(names[prediction.Label])}," +
            $"{Quoted(names[prediction.Predicted])},{prediction.Score:0.000000}"));
        return string.Join('\n', lines.Prepend("image,label,predicted,score"));
    }

    private static string Quoted(string text) => text.AsSpan().ContainsAny(",\"\n\r") ? $"\"{text.Replace("\"", "\"\"")}\"" : text;

    private void Write(string name, string text) => Write(name, stream => stream.Write(Encoding.UTF8.GetBytes(text + "\n")));

    private void Write(string name, Action<Stream> write)
    {
        var path = Path.Combine(folder, name);
        AtomicFile.Write(path, write);
        _written.Add(path);
    }
}
