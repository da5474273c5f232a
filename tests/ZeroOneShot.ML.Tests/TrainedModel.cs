using Microsoft.ML;
using Microsoft.ML.Data;

namespace ZeroOneShot.ML.Tests;

/// <summary>One model, trained once, for the tests that only use it.</summary>
public sealed class TrainedModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TrainedModel()
    {
        Data = Toy.Data(ML);
        Model = Toy.Pipeline(ML).Fit(Data);
        Zip = _folder.File("model.zip");
        ML.Model.Save(Model, Data.Schema, Zip);
    }

    public MLContext ML { get; } = new(seed: 1);

    public IDataView Data { get; }

    public TransformerChain<CellNetTransformer> Model { get; }

    public string Zip { get; }

    public string Folder => _folder.FullName;

    public void Dispose()
    {
        Model.Dispose();
        _folder.Dispose();
    }
}
