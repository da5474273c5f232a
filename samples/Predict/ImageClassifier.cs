using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Predict;

/// <summary>A saved ML.NET model from images to scores by class.</summary>
/// <remarks>
/// Which columns the model needs cannot be read from it: ML.NET leaves image columns out of the schema that it stores. So the model is
/// offered an image column called Image, as samples/ImageSearch trains on, and asked whether that will do. Other columns of the training
/// data, such as the label, are not needed to predict.
/// </remarks>
internal sealed class ImageClassifier : IDisposable
{
    private readonly ITransformer _model;
    private readonly PredictionEngine<ImageRow, ScoreRow> _engine;
    private readonly string[] _classNames;

    private ImageClassifier(ITransformer model, PredictionEngine<ImageRow, ScoreRow> engine, string[] classNames) =>
        (_model, _engine, _classNames) = (model, engine, classNames);

    /// <summary>Loads a model.</summary>
    /// <param name="path">A zip that <c>mlContext.Model.Save</c> wrote.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is no ML.NET model, or none from images to scores by class.</exception>
    public static ImageClassifier Load(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file '{path}'; expected a model, such as out/model.zip of ImageSearch.");
        var mlContext = new MLContext();
        var model = Read(mlContext, path);
        try
        {
            // The engine must not dispose the model, so that the model can be disposed when it was of no use.
            var options = new PredictionEngineOptions { OwnsTransformer = false };
            var engine = mlContext.Model.CreatePredictionEngine<ImageRow, ScoreRow>(model, options);
            VBuffer<ReadOnlyMemory<char>> names = default;
            engine.OutputSchema["Score"].GetSlotNames(ref names);
            return new ImageClassifier(model, engine, [.. names.DenseValues().Select(name => name.ToString())]);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            (model as IDisposable)?.Dispose();
            throw new InvalidDataException($"'{path}' is no model from an image column '{nameof(ImageRow.Image)}' to a column " +
                $"'{nameof(ScoreRow.Score)}' with class names ({e.Message}). Expected one as samples/ImageSearch saves it.", e);
        }
    }

    /// <summary>The classes with their scores, in the order of the model.</summary>
    /// <param name="path">An image file of any size; the model resizes it.</param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file is no image, or truncated.</exception>
    public IEnumerable<(string Name, float Score)> Classify(string path)
    {
        using var image = ImageFile.Read(path);
        return _classNames.Zip(_engine.Predict(new ImageRow { Image = image }).Score);
    }

    public void Dispose()
    {
        _engine.Dispose();
        (_model as IDisposable)?.Dispose();
    }

    private static ITransformer Read(MLContext mlContext, string path)
    {
        try
        {
            return mlContext.Model.Load(path, out _);
        }
        catch (Exception e) when (e is FormatException or InvalidDataException or InvalidOperationException or ArgumentException
            or TargetInvocationException)
        {
            throw new InvalidDataException($"'{path}' cannot be loaded as an ML.NET model ({e.GetBaseException().Message}).", e);
        }
    }

    private sealed class ImageRow
    {
        // ML.NET 5.0.1 refuses the attribute without a size; images of any size are taken all the same.
        [ImageType(32, 32)]
        public MLImage? Image { get; set; }
    }

    private sealed class ScoreRow
    {
        public float[] Score { get; set; } = [];
    }
}
