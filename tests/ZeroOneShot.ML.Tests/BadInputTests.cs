using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

public sealed class BadInputTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Stages_in_the_wrong_order_are_refused_before_anything_runs()
    {
        var reached = false;
        var prune = Toy.Prune(SearchMethod.ZeroOneShot);
        prune.Progress = new Probe(() => reached = true);
        var pipeline = _ml.Transforms.ZeroShotPrune(prune).Append(Toy.Trainer(_ml));
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.Fit(Toy.Data(_ml)));
        Assert.Contains(
            "Schema mismatch for feature column 'Features': expected annotation 'Genotype', got none. Put MaskedDartsSearch before CellNet",
            error.Message);
        Assert.False(reached);

        error = Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Transforms.MaskedDartsSearch(Toy.Search()).Fit(Toy.Data(_ml)));
        Assert.Contains("expected annotation 'SearchSpaceMask', got none. Put ZeroShotPrune before MaskedDartsSearch", error.Message);
    }

    [Fact]
    public void Pixels_of_unknown_shape_are_refused()
    {
        var data = _ml.Data.LoadFromEnumerable(Rows(24, i => new FlatPixels { Features = new float[768], Label = (uint)i % 2 }));
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => Toy.Pipeline(_ml).Fit(data));
        Assert.Contains("expected Vector<Single, channels, height, width>", error.Message);
        Assert.Contains("got Vector<Single> of unknown size", error.Message);

        var flat = SchemaDefinition.Create(typeof(FlatPixels));
        flat["Features"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, 768);
        error = Assert.Throws<ArgumentOutOfRangeException>(() => Toy.Pipeline(_ml).Fit(_ml.Data.LoadFromEnumerable<FlatPixels>([], flat)));
        Assert.Contains("got Vector<Single, 768>. Make it with ImagePixels, or with ExtractPixels", error.Message);
    }

    [Theory]
    [InlineData(16, 16, 3, "interleavePixelColors: false")]
    [InlineData(4, 16, 16, "3 channels or 1")]
    [InlineData(3, 257, 128, "16 to 256 pixels a side: resize them first")]
    [InlineData(3, 16, 8, "16 to 256 pixels a side: resize them first")]
    public void Pixels_of_a_wrong_shape_are_refused_with_a_hint(int a, int b, int c, string hint)
    {
        var schema = SchemaDefinition.Create(typeof(FlatPixels));
        schema["Features"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, a, b, c);
        var data = _ml.Data.LoadFromEnumerable(
            Rows(24, i => new FlatPixels { Features = new float[a * b * c], Label = (uint)i % 2 }), schema);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => Toy.Pipeline(_ml).Fit(data));
        Assert.Contains($"got Vector<Single, {a}, {b}, {c}>", error.Message);
        Assert.Contains(hint, error.Message);
    }

    [Fact]
    public void One_class_only_is_refused()
    {
        var images = Toy.Images();
        var one = images.Subset([.. Enumerable.Range(0, images.Count).Where(i => images.Label(i) == 1)]);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => Train(_ml.Data.LoadImages(one)));
        Assert.Contains("Only one class found in the Label column", error.Message);
        var single = new ImageSet(new byte[24 * 768], new int[24], images.Shape, ["a"]);
        error = Assert.Throws<ArgumentOutOfRangeException>(() => Train(_ml.Data.LoadImages(single)));
        Assert.Contains("Only one class found in the Label column", error.Message);
    }

    [Fact]
    public void Fewer_images_than_a_batch_are_refused()
    {
        Assert.Contains("6 images", Assert.Throws<ArgumentException>(() => Train(Toy.Data(_ml, 6))).Message);
        var prune = _ml.Transforms.ZeroShotPrune(Toy.Prune(SearchMethod.ZeroOneShot));
        Assert.Contains("6 images", Assert.Throws<ArgumentException>(() => prune.Fit(Toy.Data(_ml, 6))).Message);
        var search = Toy.Search();
        search.Mask = OperationMask.Full(Toy.Space);
        Assert.Contains("6 images", Assert.Throws<ArgumentException>(
            () => _ml.Transforms.MaskedDartsSearch(search).Fit(Toy.Data(_ml, 12))).Message);
    }

    [Fact]
    public void Values_that_are_no_pixels_are_named_with_their_row()
    {
        var data = _ml.Data.LoadFromEnumerable(Rows(24, i => new Pixels { Features = Values(i == 5 ? 300 : 10), Label = (uint)i % 2 }));
        var error = Assert.Throws<InvalidOperationException>(() => Train(data));
        Assert.StartsWith("Column 'Features' has value 300 in row 5 (counted from 0); expected pixel values from 0 to 255", error.Message);
        data = _ml.Data.LoadFromEnumerable(Rows(24, i => new Pixels { Features = Values(float.NaN), Label = (uint)i % 2 }));
        Assert.Contains("has value NaN in row 0", Assert.Throws<InvalidOperationException>(() => Train(data)).Message);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(1000)]
    [InlineData(null)]
    public void An_image_with_too_few_pixels_is_named_with_its_row_and_not_filled_up_from_the_one_before(int? count)
    {
        var wrong = _ml.Data.LoadFromEnumerable(Rows(24, i => new Pixels
        {
            Features = i != 5 ? Values(10) : count is { } values ? new float[values] : null!, Label = (uint)i % 2,
        }));
        var message = $"Column 'Features' has {count ?? 0} values in row 5 (counted from 0); expected 768";
        Assert.StartsWith(message, Assert.Throws<InvalidOperationException>(() => Train(wrong)).Message);
        using var model = _ml.MulticlassClassification.Trainers.CellNet(Toy.TrainByHand()).Fit(Toy.Data(_ml));
        Assert.Contains(message, Assert.ThrowsAny<Exception>(
            () => model.Transform(wrong).GetColumn<float[]>("Score").ToArray()).GetBaseException().Message);
    }

    [Fact]
    public void Pixels_scaled_to_one_are_not_taken_for_black_images()
    {
        var data = _ml.Data.LoadFromEnumerable(Rows(24, i => new Pixels { Features = Values(0.25f), Label = (uint)i % 2 }));
        Assert.Contains("set PixelScale = 255", Assert.Throws<InvalidOperationException>(() => Train(data)).Message);
    }

    [Fact]
    public void A_mask_of_another_space_is_refused()
    {
        var pruned = _ml.Transforms.ZeroShotPrune(Toy.Prune()).Fit(Toy.Data(_ml)).Transform(Toy.Data(_ml));
        var search = Toy.Search();
        search.Space = SearchSpace.Darts;
        var error = Assert.Throws<FormatException>(() => _ml.Transforms.MaskedDartsSearch(search).Fit(pruned));
        Assert.Contains("search space 'toy'; expected 'darts'", error.Message);
    }

    [Fact]
    public void A_method_without_search_needs_its_own_pruning()
    {
        var search = Toy.Search();
        search.Method = SearchMethod.Etenas;
        var pipeline = _ml.Transforms.ZeroShotPrune(Toy.Prune()).Append(_ml.Transforms.MaskedDartsSearch(search));
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.Fit(Toy.Data(_ml)));
        Assert.Contains("Method ETENAS decides on the architecture by pruning", error.Message);
    }

    [Fact]
    public void Options_out_of_range_are_refused_when_the_estimator_is_made()
    {
        Assert.Throws<ArgumentException>(() => _ml.Transforms.ZeroShotPrune(level: 2));
        Assert.Throws<ArgumentException>(() => _ml.Transforms.MaskedDartsSearch(epochs: 0));
        Assert.Throws<ArgumentException>(() => _ml.MulticlassClassification.Trainers.CellNet(batchSize: 1));
        var error = Assert.Throws<ArgumentException>(() =>
            _ml.MulticlassClassification.Trainers.CellNet(new CellNetTrainer.Options { Settings = new() { Seed = 3 } }));
        Assert.Contains("set Seed of the options instead", error.Message);
    }

    [Fact]
    public void A_validation_set_of_other_classes_is_refused()
    {
        var images = Toy.Images();
        var other = new ImageSet(
            new byte[24 * 768], [.. Enumerable.Range(0, 24).Select(i => i % 3)], images.Shape, ["bars", "waves", "dots"]);
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.ValidationSet = _ml.Data.LoadImages(other);
        var error = Assert.Throws<ArgumentException>(() => _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml)));
        Assert.Contains("[bars, waves, dots]", error.Message);
    }

    [Fact]
    public void A_zip_without_our_network_is_refused()
    {
        using var folder = new TemporaryFolder();
        var data = Toy.Data(_ml);
        _ml.Model.Save(_ml.Transforms.CopyColumns("a", "Label").Fit(data), data.Schema, folder.File("other.zip"));
        Assert.Throws<InvalidDataException>(() => SearchInfo.Read(folder.File("other.zip")));
    }

    [Fact]
    public void A_transformer_that_was_disposed_says_so()
    {
        var data = Toy.Data(_ml);
        var model = Train(data);
        model.Dispose();
        using var stream = new MemoryStream();
        Assert.Throws<ObjectDisposedException>(() => model.Transform(data));
        Assert.Throws<ObjectDisposedException>(() => model.GetRowToRowMapper(data.Schema));
        Assert.Throws<ObjectDisposedException>(() => _ml.Model.Save(model, data.Schema, stream));
    }

    private CellNetTransformer Train(IDataView data) =>
        _ml.MulticlassClassification.Trainers.CellNet(Toy.Train(PublishedGenotypes.DartsV1)).Fit(data);

    private static IEnumerable<T> Rows<T>(int count, Func<int, T> row) => Enumerable.Range(0, count).Select(row);

    private static float[] Values(float value)
    {
        var values = new float[3 * Toy.Side * Toy.Side];
        Array.Fill(values, value);
        return values;
    }

    private sealed class Probe(Action reached) : IProgress<ZeroOneShot.Runtime.RunProgress>
    {
        public void Report(ZeroOneShot.Runtime.RunProgress value) => reached();
    }

    private sealed class FlatPixels
    {
        public float[] Features { get; set; } = [];

        [KeyType(2)]
        public uint Label { get; set; }
    }

    private sealed class Pixels
    {
        [VectorType(3, Toy.Side, Toy.Side)]
        public float[] Features { get; set; } = [];

        [KeyType(2)]
        public uint Label { get; set; }
    }
}
