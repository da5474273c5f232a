using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Predict;

/// <summary>A saved ML.NET model from images to scores by class, whichever kind of column it was trained on.</summary>
/// <remarks>
/// Images are given to all of them. A model that was trained on images takes them; ML.NET leaves image columns out of the schema that it
/// stores, so that their name must be known: Image, mostly. One that was trained on the bytes of files takes images in that column once it
/// is saved. One that was trained on paths begins with a step that loads them: this step is left out, and its images are given in its
/// place. Other columns of the training data, such as the label, are not needed to predict.
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
    /// <param name="imageColumn">The column of images of a model that was trained on images.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is no ML.NET model, or none from images to scores by class.</exception>
    public static ImageClassifier Load(string path, string imageColumn)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file '{path}'; expected a model, such as out/model.zip of ImageSearch.");
        var mlContext = new MLContext();
        var model = Read(mlContext, path, out var columns);
        try
        {
            var row = SchemaDefinition.Create(typeof(ImageRow));
            (var fromImages, row[nameof(ImageRow.Image)].ColumnName) = FromImages(mlContext, model, columns, imageColumn);
            // The engine must not dispose the model, so that the model can be disposed when it was of no use.
            var options = new PredictionEngineOptions { OwnsTransformer = false, InputSchemaDefinition = row };
            var engine = mlContext.Model.CreatePredictionEngine<ImageRow, ScoreRow>(fromImages, options);
            VBuffer<ReadOnlyMemory<char>> names = default;
            engine.OutputSchema["Score"].GetSlotNames(ref names);
            return new ImageClassifier(model, engine, [.. names.DenseValues().Select(name => name.ToString())]);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            (model as IDisposable)?.Dispose();
            throw new InvalidDataException($"'{path}' is no model from paths, files or images in a column '{imageColumn}' to a column " +
                $"'{nameof(ScoreRow.Score)}' with class names ({e.Message}). If it takes images in another column, name that with " +
                "--column.", e);
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

    private static ITransformer Read(MLContext mlContext, string path, out DataViewSchema columns)
    {
        try
        {
            return mlContext.Model.Load(path, out columns);
        }
        catch (Exception e) when (e is FormatException or InvalidDataException or InvalidOperationException or ArgumentException
            or TargetInvocationException)
        {
            throw new InvalidDataException($"'{path}' cannot be loaded as an ML.NET model ({e.GetBaseException().Message}).", e);
        }
    }

    /// <summary>The model without the step that loads images from paths, and the column in which it takes images.</summary>
    private static (ITransformer Model, string ImageColumn) FromImages(
        MLContext mlContext, ITransformer model, DataViewSchema? columns, string imageColumn)
    {
        DataViewSchema.Column[] trainedOn = [.. columns ?? Enumerable.Empty<DataViewSchema.Column>()];
        foreach (var column in trainedOn)
        {
            if (column.Type is VectorDataViewType { IsKnownSize: false } file && file.ItemType == NumberDataViewType.Byte)
                imageColumn = column.Name;
        }
        var schema = new DataViewSchema.Builder();
        foreach (var column in trainedOn.Where(column => column.Name != imageColumn))
            schema.AddColumn(column.Name, column.Type, column.Annotations);
        schema.AddColumn(imageColumn, new ImageDataViewType());
        var current = schema.ToSchema();
        var steps = new List<ITransformer>();
        // Texts that the model asks for on the way, as for a label that is the name of a class, may be empty.
        var rows = mlContext.Data.LoadFromEnumerable<ImageRow>([]);
        foreach (var column in trainedOn.Where(column => column.Type is TextDataViewType))
            steps.Add(mlContext.Transforms.CopyColumns(column.Name, nameof(ImageRow.NoText)).Fit(rows));
        foreach (var step in Steps(model))
        {
            var next = step.GetOutputSchema(current);
            if (step is ImageLoadingTransformer)
                imageColumn = next[^1].Name;
            else
                steps.Add(step);
            current = next;
        }
        return (new TransformerChain<ITransformer>([.. steps]), imageColumn);
    }

    private static IEnumerable<ITransformer> Steps(ITransformer model) =>
        model is IEnumerable<ITransformer> chain ? chain.SelectMany(Steps) : [model];

    private sealed class ImageRow
    {
        // ML.NET 5.0.1 refuses the attribute without a size; images of any size are taken all the same.
        [ImageType(32, 32)]
        public MLImage? Image { get; set; }

        public string NoText { get; set; } = "";
    }

    private sealed class ScoreRow
    {
        public float[] Score { get; set; } = [];
    }
}
