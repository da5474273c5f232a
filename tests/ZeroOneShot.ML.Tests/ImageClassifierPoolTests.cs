using System.Buffers;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using SkiaSharp;
using Xunit;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

public sealed class ImageClassifierPoolTests(ImageClassifierPoolTests.ImageModel model) : IClassFixture<ImageClassifierPoolTests.ImageModel>
{
    private const int Side = 16;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Paths_bytes_streams_and_images_give_bit_equal_scores_sorted_with_labels()
    {
        using var pool = ImageClassifierPool.Load(model.Zip);
        Assert.Equal(["bars", "dots"], pool.ClassNames.Order());
        foreach (var file in model.Files)
        {
            var bytes = File.ReadAllBytes(file);
            var expected = pool.Classify(file);
            Assert.Equal(expected, pool.Classify(bytes));
            Assert.Equal(expected, pool.Classify(new MemoryStream(bytes)));
            Assert.Equal(expected, await pool.ClassifyAsync(bytes, Cancellation));
            Assert.Equal(expected, await pool.ClassifyAsync(new MemoryStream(bytes), Cancellation));
            using var image = ImageFile.Read(file);
            Assert.Equal(expected, pool.Classify(image));
            Assert.Equal(expected, pool.Classify(image));
            Assert.True(expected[0].Score >= expected[1].Score);
            Assert.Equal(1, expected.Sum(score => score.Score), 1e-5);
        }
        Assert.Equal(model.Expected, model.Files.Select(file => InOrder(pool.Classify(file))));
    }

    [Fact]
    public async Task The_pool_keeps_to_its_limits_whichever_way_an_image_comes()
    {
        var file = File.ReadAllBytes(model.Files[0]);
        using var few = ImageClassifierPool.Load(model.Zip, new ImageClassifierPoolOptions { Limits = new() { MostPixels = 9 } });
        using var less = ImageClassifierPool.Load(model.Zip, new ImageClassifierPoolOptions { Limits = new() { MostBytes = 40 } });
        foreach (var pool in new[] { few, less })
        {
            Func<Task>[] ways =
            [
                () => Task.FromResult(pool.Classify(model.Files[0])), () => Task.FromResult(pool.Classify(file)),
                () => Task.FromResult(pool.Classify(new MemoryStream(file))), () => pool.ClassifyAsync(file, Cancellation),
                () => pool.ClassifyAsync(new ReadOnlySequence<byte>(file), Cancellation),
                () => pool.ClassifyAsync(new MemoryStream(file), Cancellation),
            ];
            foreach (var way in ways)
                Assert.Equal(ImageFault.TooLarge, (await Assert.ThrowsAsync<ImageFaultException>(way)).Fault);
        }
        var nothing = new ImageClassifierPoolOptions { Limits = new ImageLimits { MostPixels = 0 } };
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageClassifierPool.Load(model.Zip, nothing));
    }

    [Fact]
    public async Task Eight_threads_get_equal_results_a_thousand_times_each_in_flat_memory()
    {
        using var pool = ImageClassifierPool.Load(model.Zip, new ImageClassifierPoolOptions { Concurrency = 3 });
        var files = model.Files.Select(File.ReadAllBytes).ToArray();
        var expected = files.Select(file => pool.Classify(file)).ToArray();
        // The first round is for what is allocated once: code, threads, arenas.
        await Rounds(200);
        var (managed, resident) = (GC.GetTotalMemory(forceFullCollection: true), Environment.WorkingSet);
        await Rounds(1000);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - managed, long.MinValue, 2 << 20);
        Assert.InRange(Environment.WorkingSet - resident, long.MinValue, 64 << 20);

        Task Rounds(int predictions) => Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Factory.StartNew(() =>
        {
            for (var i = 0; i < predictions; i++)
            {
                var which = (i + thread) % files.Length;
                Assert.Equal(expected[which], pool.Classify(files[which]));
            }
        }, TaskCreationOptions.LongRunning)));
    }

    [Fact]
    public async Task Waiting_for_a_turn_can_be_cancelled_and_a_refused_image_gives_its_turn_back()
    {
        using var pool = ImageClassifierPool.Load(model.Zip, new ImageClassifierPoolOptions { Concurrency = 1 });
        for (var i = 0; i < 3; i++)
        {
            var refused = await Assert.ThrowsAsync<ImageFaultException>(() => pool.ClassifyAsync(new byte[10], Cancellation));
            Assert.Equal(ImageFault.NotAnImage, refused.Fault);
        }
        Assert.Equal(pool.Classify(model.Files[0]), await pool.ClassifyAsync(File.ReadAllBytes(model.Files[0]), Cancellation));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => pool.ClassifyAsync(new byte[10], new CancellationToken(canceled: true)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public async Task Disposing_waits_for_images_under_way_and_sends_the_others_away(int concurrency)
    {
        var pool = ImageClassifierPool.Load(model.Zip, new ImageClassifierPoolOptions { Concurrency = concurrency });
        var expected = pool.Classify(model.Files[0]);
        using var begun = new CountdownEvent(8);
        var users = Enumerable.Range(0, 8).Select(user => Task.Factory.StartNew(() =>
        {
            for (var i = 0; ; i++)
            {
                try
                {
                    Assert.Equal(expected, pool.Classify(model.Files[0]));
                    if (user % 2 == 0)
                        Assert.Equal(expected, pool.ClassifyAsync(File.ReadAllBytes(model.Files[0])).GetAwaiter().GetResult());
                }
                catch (ObjectDisposedException)
                {
                    return i;
                }
                if (i == 0)
                    begun.Signal();
            }
        }, TaskCreationOptions.LongRunning)).ToArray();
        begun.Wait(Cancellation);
        pool.Dispose();
        pool.Dispose();
        Assert.All(await Task.WhenAll(users), count => Assert.True(count > 0));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pool.ClassifyAsync(new byte[10], Cancellation));
        Assert.Throws<ObjectDisposedException>(() => pool.Classify(model.Files[0]));
    }

    [Fact]
    public void A_shared_model_is_not_disposed_with_the_pool()
    {
        var expected = model.Model.Transform(model.Data).GetColumn<float[]>("Score").First();
        using (var pool = new ImageClassifierPool(model.Model, model.Data.Schema))
            Assert.Equal(expected, InOrder(pool.Classify(model.Files[0])));
        Assert.Equal(expected, model.Model.Transform(model.Data).GetColumn<float[]>("Score").First());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_model_that_loads_images_from_paths_and_maps_labels_classifies_images(bool stock)
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(model.Files.Select((file, i) => new PathRow { Path = file, Kind = i % 2 == 0 ? "a" : "b" }));
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 1 };
        var label = ml.Transforms.Conversion.MapValueToKey("Label", "Kind");
        IEstimator<ITransformer> pixels = stock
            ? ml.Transforms.LoadImages("Picture", null, "Path").Append(ml.Transforms.ImagePixels("Features", "Picture", Side, Side))
            : ml.Transforms.ImagePixels("Features", "Path", Side, Side);
        using var trained = label.Append(pixels).Append(ml.MulticlassClassification.Trainers.CellNet(train))
            .Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(data);
        var expected = trained.Transform(data).GetColumn<float[]>("Score").ToArray();
        ml.Model.Save(trained, data.Schema, model.File("paths.zip"));
        using var pool = ImageClassifierPool.Load(model.File("paths.zip"));
        using var shared = new ImageClassifierPool(trained, data.Schema);
        foreach (var (file, scores) in model.Files.Zip(expected))
        {
            Assert.Equal(scores, InOrder(pool.Classify(file)));
            Assert.Equal(pool.Classify(file), shared.Classify(File.ReadAllBytes(file)));
        }
    }

    [Fact]
    public void What_is_no_model_of_images_is_refused_by_name()
    {
        Assert.Throws<FileNotFoundException>(() => ImageClassifierPool.Load(model.File("none.zip")));
        File.WriteAllText(model.File("text.zip"), "no zip");
        Refused("text.zip", "text.zip' is not a zip");
        var ml = new MLContext();
        var pixels = Toy.Data(ml);
        using var chain = new TransformerChain<ITransformer>(ml.Transforms.CopyColumns("Copy", "Features").Fit(pixels));
        ml.Model.Save(chain, pixels.Schema, model.File("copy.zip"));
        Refused("copy.zip", "The model makes no column 'Score'");
        var error = Assert.Throws<InvalidDataException>(() => ImageClassifierPool.Load(model.Zip, new() { ImageColumnName = "Other" }));
        Assert.Contains("This is no model from an image column 'Other' to scores by class", error.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => ImageClassifierPool.Load(model.Zip, new() { Concurrency = 0 }));

        void Refused(string name, string reason) =>
            Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => ImageClassifierPool.Load(model.File(name))).Message);
    }

    /// <summary>The scores in the order of the labels, which the models here were trained with.</summary>
    private static float[] InOrder(IReadOnlyList<ClassScore> scores) =>
        [.. scores.OrderBy(score => score.Label).Select(score => score.Score)];

    private sealed class PathRow
    {
        public string Path { get; set; } = "";

        public string Kind { get; set; } = "";
    }

    /// <summary>A model from images in memory, and images as files.</summary>
    public sealed class ImageModel : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public ImageModel()
        {
            var ml = new MLContext(seed: 1);
            Files = [.. Enumerable.Range(0, 12).Select(
                i => _folder.Write($"{i}.png", Picture.Encoded(Side + i, 20, SKEncodedImageFormat.Png)))];
            Data = ml.Data.LoadFromEnumerable(Files.Select(
                (file, i) => new ImageRow { Image = ImageFile.Read(file), Kind = i % 2 == 0 ? "bars" : "dots" }).ToList());
            var train = Toy.Train(PublishedGenotypes.DartsV1);
            train.Settings = train.Settings with { Epochs = 1 };
            Model = ml.Transforms.Conversion.MapValueToKey("Label", "Kind")
                .Append(ml.Transforms.ImagePixels("Features", "Image", Side, Side))
                .Append(ml.MulticlassClassification.Trainers.CellNet(train)).Fit(Data);
            Expected = [.. Model.Transform(Data).GetColumn<float[]>("Score")];
            ml.Model.Save(Model, Data.Schema, Zip);
        }

        public TransformerChain<CellNetTransformer> Model { get; }

        public IDataView Data { get; }

        public IReadOnlyList<string> Files { get; }

        public float[][] Expected { get; }

        public string Zip => File("model.zip");

        public string File(string name) => _folder.File(name);

        public void Dispose()
        {
            Model.Dispose();
            _folder.Dispose();
        }

        private sealed class ImageRow
        {
            [ImageType(1, 1)]
            public MLImage? Image { get; set; }

            public string Kind { get; set; } = "";
        }
    }
}
