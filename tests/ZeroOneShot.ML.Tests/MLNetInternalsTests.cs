using System.IO.Compression;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;
using Xunit;

namespace ZeroOneShot.ML.Tests;

/// <summary>One test per member of ML.NET that is not public; a new version that has moved one fails here first.</summary>
public sealed class MLNetInternalsTests
{
    private readonly MLContext _ml = new(seed: 42) { GpuDeviceId = 3, FallbackToCpu = true };
    private readonly MLContext _processor = new(seed: 1);

    private IHostEnvironment Host => ((IHostEnvironment)_ml).Register("test");

    [Fact]
    public void Catalogs_give_their_environment()
    {
        Assert.NotNull(MLNetInternals.Environment(_ml.Transforms));
        Assert.NotNull(MLNetInternals.Environment(_ml.Data));
        Assert.NotNull(MLNetInternals.Environment(_ml.MulticlassClassification.Trainers));
    }

    [Fact]
    public void The_seed_reaches_a_host() => Assert.Equal(42, MLNetInternals.Seed(Host));

    [Fact]
    public void Without_a_seed_there_is_none() => Assert.Null(MLNetInternals.Seed(((IHostEnvironment)new MLContext()).Register("test")));

    [Fact]
    public void The_GPU_reaches_a_host() => Assert.Equal(3, MLNetInternals.GpuDeviceId(Host));

    [Fact]
    public void The_leave_to_use_the_processor_reaches_a_host() => Assert.True(MLNetInternals.FallbackToCpu(Host));

    [Fact]
    public void The_temporary_folder_reaches_a_host_also_when_it_changes_later()
    {
        var ml = new MLContext { TempFilePath = "one" };
        var host = ((IHostEnvironment)ml).Register("test");
        Assert.Equal("one", MLNetInternals.TemporaryFolder(host));
        ml.TempFilePath = "other";
        Assert.Equal("other", MLNetInternals.TemporaryFolder(((IHostEnvironment)ml).Register("test")));
    }

    [Fact]
    public void Cancelling_the_context_reaches_a_host()
    {
        var host = Host;
        Assert.False(MLNetInternals.IsCanceled(host));
        CancelExecution(_ml);
        Assert.True(MLNetInternals.IsCanceled(host));
    }

    [Fact]
    public void An_environment_gives_a_catalog_of_transforms() =>
        Assert.NotNull(MLNetInternals.Transforms(Host).DropColumns("a"));

    [Fact]
    public void The_columns_of_LoadImages_can_be_read()
    {
        var data = _ml.Data.LoadFromEnumerable(new[] { new OnePath() });
        var loader = _ml.Transforms.LoadImages("Picture", null, "ImagePath").Fit(data);
        Assert.Equal([("Picture", "ImagePath")], MLNetInternals.Columns(loader));
    }

    [Fact]
    public void A_column_of_a_promise_can_be_made()
    {
        var annotation = MLNetInternals.ShapeColumn("Names", SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance, false, null);
        var column = MLNetInternals.ShapeColumn(
            "a", SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, true, new SchemaShape([annotation]));
        Assert.Equal(
            ("a", SchemaShape.Column.VectorKind.Scalar, true, "Names"),
            (column.Name, column.Kind, column.IsKey, column.Annotations[0].Name));
    }

    [Fact]
    public void A_linear_model_and_its_head_give_the_softmax_of_the_input()
    {
        var identity = Enumerable.Range(0, 3).Select(c => new VBuffer<float>(3, 1, [1f], [c])).ToArray();
        var model = MLNetInternals.MaximumEntropyModel(Host, identity, new float[3], 3, 3, null, null);
        var schema = new DataViewSchema.Builder();
        schema.AddColumn("x", new VectorDataViewType(NumberDataViewType.Single, 3));
        schema.AddColumn("y", new KeyDataViewType(typeof(uint), 3));
        var head = MLNetInternals.Multiclass<MaximumEntropyModelParameters>.Transformer(
            Host, model, schema.ToSchema(), "x", "y", "Score", "Guess");
        var scored = head.Transform(_ml.Data.LoadFromEnumerable([new Row { x = [1, 2, 4] }]));
        var total = Math.Exp(1) + Math.Exp(2) + Math.Exp(4);
        Assert.Equal([Math.Exp(1) / total, Math.Exp(2) / total, Math.Exp(4) / total],
            scored.GetColumn<float[]>("Score").Single().Select(score => (double)score), (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Equal([3u], scored.GetColumn<uint>("Guess"));
    }

    [Fact]
    public void A_model_is_saved_byte_for_byte_as_an_OnnxTransformer_saves_itself()
    {
        using var folder = new TemporaryFolder();
        using (var trained = _processor.MulticlassClassification.Trainers.CellNet(Toy.TrainByHand()).Fit(Toy.Data(_processor)))
            trained.ExportOnnx(folder.File("model.onnx"));
        var data = Toy.Data(_processor);
        using var stock = _processor.Transforms.ApplyOnnxModel("Score", "Features", folder.File("model.onnx")).Fit(data);
        var bytes = File.ReadAllBytes(folder.File("model.onnx"));
        using var own = new OnnxStep(bytes, new SharedSession(bytes, [3, Toy.Side, Toy.Side], typeof(OnnxStep)), "Score",
            new VectorDataViewType(NumberDataViewType.Single, 3), "Features");
        Assert.Equal(Entries(stock), Entries(own));
        Assert.NotEmpty(Entries(own));

        string[] Entries(ITransformer model)
        {
            using var zip = new MemoryStream();
            _processor.Model.Save(model, data.Schema, zip);
            using var archive = new ZipArchive(zip);
            return [.. archive.Entries.Select(entry =>
            {
                using var content = new MemoryStream();
                using var stream = entry.Open();
                stream.CopyTo(content);
                return $"{entry.FullName}: {Convert.ToHexString(content.ToArray())}";
            }).Order(StringComparer.Ordinal)];
        }
    }

    internal static void CancelExecution(MLContext ml) =>
        typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)!
            .Invoke(ml, null);

    private sealed class Row
    {
        [VectorType(3)]
        public float[] x { get; set; } = [];
    }
}
