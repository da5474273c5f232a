using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>A model from images, from paths or from the bytes of files to two classes, hardly trained.</summary>
internal sealed class TrainedOnImages : IDisposable
{
    private readonly PictureFolder _folder = new();

    /// <summary>Trains.</summary>
    /// <param name="ml">Whose.</param>
    /// <param name="column">The kind of column: Image, ImagePath or File.</param>
    public TrainedOnImages(MLContext ml, string column = "Image")
    {
        _folder.WriteImages(20, 24);
        var paths = ml.Data.LoadImageFolder(_folder.File("images"));
        Files = [.. paths.GetColumn<string>("ImagePath")];
        Data = column == "File"
            ? ml.Data.LoadFromEnumerable(Files.Select((file, i) => new FileRow { File = File.ReadAllBytes(file), Label = i < 3 ? 0u : 1u }))
            : paths;
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 1, BatchSize = 4 };
        Model = ml.Transforms.ImagePixels("Features", column, Toy.Side, Toy.Side)
            .Append(ml.MulticlassClassification.Trainers.CellNet(train)).Fit(Data);
        ml.Model.Save(Model, Data.Schema, Zip);
        Scores = [.. Model.Transform(Data).GetColumn<float[]>("Score")];
    }

    public string[] Files { get; }

    public IDataView Data { get; }

    public TransformerChain<CellNetTransformer> Model { get; }

    /// <summary>The scores of the files.</summary>
    public float[][] Scores { get; }

    public string Zip => _folder.File("model.zip");

    public void Dispose()
    {
        Model.Dispose();
        _folder.Dispose();
    }
}
