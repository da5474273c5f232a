using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using Xunit;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>Scoring many rows gives what scoring each alone gives, whatever else is read along the way.</summary>
public sealed class BulkScoringTests(TrainedModel trained) : IClassFixture<TrainedModel>
{
    private readonly MLContext _ml = trained.ML;

    [Theory]
    [InlineData(1)]
    [InlineData(BatchedLogitsCursor.RowsPerChunk)]
    [InlineData(203)]
    public void Every_row_gets_the_scores_it_gets_alone_beside_its_own_values(int count)
    {
        var rows = Rows(count);
        var scored = trained.Model.Transform(_ml.Data.LoadFromEnumerable(rows));
        var engine = _ml.Model.CreatePredictionEngine<Row, Scored>(trained.Model, new PredictionEngineOptions { OwnsTransformer = false });
        var seen = _ml.Data.CreateEnumerable<Scored>(scored, reuseRowObject: false).ToArray();
        Assert.Equal(count, seen.Length);
        foreach (var (row, score) in rows.Zip(seen))
        {
            Assert.Equal(engine.Predict(row).Score, score.Score);
            Assert.Equal((row.Name, row.Number), (score.Name, score.Number));
            Assert.Equal(row.Features, score.Features);
            Assert.Equal(row.Tags, score.Tags);
            Assert.Equal(Array.IndexOf(score.Score, score.Score.Max()) + 1, (int)score.PredictedLabel);
        }
    }

    [Fact]
    public void Data_without_rows_give_no_scores() =>
        Assert.Empty(trained.Model.Transform(_ml.Data.FilterRowsByColumn(Numbered(20), "Number", 100)).GetColumn<float[]>("Score"));

    [Fact]
    public void Nothing_is_read_before_it_is_asked_for_and_little_ahead()
    {
        var read = 0;
        var data = _ml.Data.LoadFromEnumerable(Rows(1000).Select(row =>
        {
            read++;
            return row;
        }));
        var scored = trained.Model.Transform(data);
        Assert.Equal(0, read);
        using (var cursor = scored.GetRowCursor([scored.Schema["Number"]]))
        {
            cursor.MoveNext();
            Assert.InRange(read, 1, 400);
        }
        read = 0;
        var batched = BatchedOf(data);
        using (var cursor = batched.GetRowCursor(batched.Schema))
        {
            Assert.Equal(0, read);
            cursor.MoveNext();
            Assert.InRange(read, 1, BatchedLogitsCursor.RowsAhead);
        }
    }

    [Fact]
    public void A_source_that_can_be_read_once_is_read_once()
    {
        var passes = 0;
        IEnumerable<Row> Once()
        {
            passes++;
            foreach (var row in Rows(50))
                yield return row;
        }
        var scored = trained.Model.Transform(_ml.Data.LoadFromEnumerable(Once()));
        Assert.Equal(50, _ml.Data.CreateEnumerable<Scored>(scored, reuseRowObject: true).Count());
        Assert.Equal(1, passes);
    }

    [Fact]
    public void Shuffled_filtered_and_hidden_columns_keep_scores_and_rows_together()
    {
        var expected = _ml.Data.CreateEnumerable<Scored>(trained.Model.Transform(Numbered(90)), false)
            .ToDictionary(row => row.Number, row => row.Score);
        var view = _ml.Data.ShuffleRows(Numbered(90), seed: 5);
        view = _ml.Data.FilterRowsByColumn(view, "Number", 10, 70);
        view = _ml.Transforms.CopyColumns("Features", "Features").Fit(view).Transform(view);
        var seen = _ml.Data.CreateEnumerable<Scored>(trained.Model.Transform(view), false).ToArray();
        Assert.Equal(60, seen.Length);
        Assert.NotEqual(seen.Select(row => row.Number).Order(), seen.Select(row => row.Number));
        Assert.All(seen, row => Assert.Equal(expected[row.Number], row.Score));
    }

    [Fact]
    public void A_set_of_cursors_gives_every_row_once_with_its_scores()
    {
        var batched = BatchedOf(_ml.Data.LoadFromTextFile<Row>(TextFile(300), separatorChar: ','));
        var (number, logits) = (batched.Schema["Number"], batched.Schema["CellNet.Logits"]);
        var alone = new Dictionary<float, float[]>();
        Read(batched.GetRowCursor([number, logits]), alone);
        var together = new Dictionary<float, float[]>();
        foreach (var cursor in batched.GetRowCursorSet([number, logits], 3))
            Read(cursor, together);
        Assert.Equal(300, together.Count);
        Assert.All(together, row => Assert.Equal(alone[row.Key], row.Value));

        void Read(DataViewRowCursor cursor, Dictionary<float, float[]> into)
        {
            using (cursor)
            {
                var (getNumber, getLogits) = (cursor.GetGetter<float>(number), cursor.GetGetter<VBuffer<float>>(logits));
                float key = 0;
                VBuffer<float> values = default;
                while (cursor.MoveNext())
                {
                    getNumber(ref key);
                    getLogits(ref values);
                    into.Add(key, [.. values.DenseValues()]);
                }
            }
        }
    }

    [Fact]
    public void Images_asked_for_along_with_the_scores_come_whole()
    {
        var rows = Enumerable.Range(0, 40).Select(i => new Pictured
        {
            Image = MLImage.CreateFromPixels(20, 20, MLPixelFormat.Rgba32, [.. Enumerable.Repeat((byte)(5 * i), 1600)]),
            Label = (uint)i % 2,
        }).ToArray();
        var data = _ml.Data.LoadFromEnumerable(rows);
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 1 };
        using var model = _ml.Transforms.ImagePixels("Features", "Image", 16, 16)
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(data);
        var scored = model.Transform(data);
        var expected = scored.GetColumn<float[]>("Score").ToArray();
        using var cursor = scored.GetRowCursor(scored.Schema);
        var getImage = cursor.GetGetter<MLImage>(scored.Schema["Image"]);
        var getScore = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
        VBuffer<float> score = default;
        for (var i = 0; cursor.MoveNext(); i++)
        {
            MLImage image = null!;
            getImage(ref image);
            getScore(ref score);
            Assert.Equal(5 * i, image.Pixels[0]);
            Assert.Equal(expected[i], score.DenseValues());
        }
    }

    [Fact]
    public void An_error_of_the_source_comes_after_the_rows_before_it_and_again_at_every_further_step()
    {
        var data = _ml.Data.LoadFromEnumerable(
            Rows(100).Select(row => row.Number < 60 ? row : throw new InvalidDataException("row 60 is damaged")));
        var error = Assert.ThrowsAny<Exception>(() => trained.Model.Transform(data).GetColumn<float[]>("Score").Count());
        Assert.Contains("row 60 is damaged", error.ToString());

        var batched = BatchedOf(data);
        using var cursor = batched.GetRowCursor([batched.Schema["CellNet.Logits"]]);
        for (var i = 0; i < 60; i++)
            Assert.True(cursor.MoveNext());
        Assert.Throws<InvalidDataException>(() => cursor.MoveNext());
        Assert.Throws<InvalidDataException>(() => cursor.MoveNext());
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "Infinity")]
    [InlineData(float.NegativeInfinity, "-Infinity")]
    [InlineData(256f, "256")]
    [InlineData(-3.5f, "-3.5")]
    public void Values_that_are_no_pixels_get_no_scores_in_batches_row_by_row_and_alone(float value, string text)
    {
        var rows = Rows(50);
        rows[30].Features[700] = value;
        var data = _ml.Data.LoadFromEnumerable(rows);
        var sentence = $"Column 'Features' has value {text} in row 30 (counted from 0); expected pixel values from 0 to 255, " +
            "since PixelScale is 1.";
        var inBatches = Assert.ThrowsAny<Exception>(() => trained.Model.Transform(data).GetColumn<float[]>("Score").Count());
        Assert.Contains(sentence, inBatches.ToString());

        using var engine = _ml.Model.CreatePredictionEngine<Row, Scored>(
            trained.Model, new PredictionEngineOptions { OwnsTransformer = false });
        Assert.NotEmpty(engine.Predict(rows[0]).Score);
        Assert.Contains($"has value {text} in row", Assert.Throws<InvalidOperationException>(() => engine.Predict(rows[30])).Message);
        Assert.NotEmpty(engine.Predict(rows[1]).Score);

        // What is asked for along with an image is scored row by row.
        var pictured = _ml.Data.LoadFromEnumerable(Rows(50).Select((row, i) => new PicturedRow
        {
            Features = i == 30 ? rows[30].Features : row.Features,
            Picture = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Rgba32, new byte[4]),
        }).ToList());
        var scored = trained.Model.Transform(pictured);
        using var cursor = scored.GetRowCursor(scored.Schema);
        var getScore = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
        VBuffer<float> score = default;
        for (var i = 0; i < 30; i++)
        {
            Assert.True(cursor.MoveNext());
            getScore(ref score);
        }
        Assert.True(cursor.MoveNext());
        Assert.Contains(sentence, Assert.ThrowsAny<Exception>(() => getScore(ref score)).ToString());
    }

    [Fact]
    public void Pixels_scaled_to_one_get_no_scores_of_a_model_that_was_trained_on_others()
    {
        var rows = Rows(10);
        foreach (var row in rows)
            row.Features = [.. row.Features.Select(pixel => pixel / 255)];
        var error = Assert.ThrowsAny<Exception>(
            () => trained.Model.Transform(_ml.Data.LoadFromEnumerable(rows)).GetColumn<float[]>("Score").Count());
        Assert.Contains("If its values are scaled from 0 to 1, set PixelScale = 255", error.ToString());
    }

    private IDataView BatchedOf(IDataView data) => trained.Model.LastTransformer.LogitsOf(data);

    private IDataView Numbered(int count) => _ml.Data.LoadFromEnumerable(Rows(count));

    private string TextFile(int count)
    {
        var path = Path.Combine(trained.Folder, $"{count}.csv");
        File.WriteAllLines(path, Rows(count).Select(
            row => $"{row.Number},{row.Name},{row.Tags[0]},{row.Tags[1]},{string.Join(',', row.Features)}"));
        return path;
    }

    private static Row[] Rows(int count)
    {
        var images = Toy.Images(count);
        return [.. Enumerable.Range(0, count).Select(i => new Row
        {
            Number = i,
            Name = $"image {i}",
            Tags = [i, -i],
            Features = [.. images.Pixels(i).ToArray().Select(pixel => (float)pixel)],
        })];
    }

    private class Row
    {
        [LoadColumn(0)]
        public float Number { get; set; }

        [LoadColumn(1)]
        public string Name { get; set; } = "";

        [LoadColumn(2, 3)]
        [VectorType(2)]
        public int[] Tags { get; set; } = [];

        [LoadColumn(4, 771)]
        [VectorType(3, Toy.Side, Toy.Side)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Scored : Row
    {
        public float[] Score { get; set; } = [];

        public uint PredictedLabel { get; set; }
    }

    private sealed class PicturedRow
    {
        [ImageType(1, 1)]
        public MLImage Picture { get; set; } = null!;

        [VectorType(3, Toy.Side, Toy.Side)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Pictured
    {
        [ImageType(20, 20)]
        public MLImage Image { get; set; } = null!;

        [KeyType(2)]
        public uint Label { get; set; }
    }
}
