using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;

namespace ZeroOneShot.ML.Tests;

/// <summary>
/// What every estimator of ML.NET is expected to do, as ML.NET's own tests check it; one class of tests derives for each of ours.
/// </summary>
public abstract class EstimatorContract
{
    private const string Features = nameof(Features), Label = nameof(Label);

    protected MLContext ML { get; } = new(seed: 1);

    /// <summary>The estimator, at toy size.</summary>
    protected abstract IEstimator<ITransformer> Make(string features = Features, string label = Label);

    /// <summary>The data with what earlier stages would have added to the pixel column.</summary>
    protected abstract IDataView AfterEarlierStages(IDataView data, string features = Features);

    /// <summary>Everything that was learned.</summary>
    protected abstract string Learned(ITransformer transformer);

    [Fact]
    public void The_promise_is_what_the_fitted_transformer_keeps()
    {
        var data = Data();
        var estimator = Make();
        using var model = Fitted(estimator, data);
        var promised = estimator.GetOutputSchema(Schemas.Shape(data.Schema)).OrderBy(column => column.Name).ToArray();
        var kept = Columns(model.Value.GetOutputSchema(data.Schema));
        Assert.Equal(promised.Select(Describe), kept.Select(Describe));
        foreach (var (promise, column) in promised.Zip(kept))
        {
            Assert.True(Schemas.CanStandFor(column, promise), $"'{promise.Name}' lacks something that was promised.");
            Assert.True(Schemas.CanStandFor(promise, column), $"'{promise.Name}' has something that was not promised.");
        }
        Assert.Equal(kept.Select(Describe), Columns(model.Value.Transform(data).Schema).Select(Describe));

        static SchemaShape.Column[] Columns(DataViewSchema schema) => [.. Schemas.Shape(schema).OrderBy(column => column.Name)];
    }

    [Theory]
    [InlineData(Features, "feature")]
    [InlineData(Label, "label")]
    public void A_missing_column_is_refused_by_the_estimator_in_the_words_of_ML_NET(string column, string role)
    {
        var data = ML.Transforms.DropColumns(column).Fit(Data()).Transform(Data());
        RefusedToFit(data, $"Could not find {role} column '{column}'");
    }

    [Theory]
    [InlineData(Features, "Schema mismatch for feature column 'Features': expected Vector<Single, channels, height, width>")]
    [InlineData(Label, "Schema mismatch for label column 'Label': expected Key<UInt32>, got String. Make it with MapValueToKey")]
    public void A_column_of_a_wrong_type_is_refused_by_the_estimator_in_the_words_of_ML_NET(string column, string message)
    {
        var data = ML.Transforms.Conversion.MapKeyToValue("Text", Label).Append(ML.Transforms.DropColumns(column))
            .Append(ML.Transforms.CopyColumns(column, "Text")).Fit(Data()).Transform(Data());
        RefusedToFit(data, message);
    }

    [Fact]
    public void A_missing_pixel_column_or_one_of_a_wrong_type_is_refused_by_the_transformer()
    {
        using var model = Fitted(Make(), Data());
        var without = ML.Transforms.DropColumns(Features).Fit(Data()).Transform(Data());
        var wrong = ML.Transforms.CopyColumns(Features, Label).Fit(Data()).Transform(Data());
        foreach (var data in new[] { without, wrong })
        {
            Action[] uses =
            [
                () => model.Value.GetOutputSchema(data.Schema),
                () => model.Value.Transform(data),
                () => model.Value.GetRowToRowMapper(data.Schema),
            ];
            // ML.NET's own transformers throw one or the other.
            Assert.All(uses, use => Assert.True(Record.Exception(use) is ArgumentOutOfRangeException or InvalidOperationException));
        }
    }

    [Fact]
    public void A_label_is_needed_to_fit_and_not_to_transform()
    {
        using var model = Fitted(Make(), Data());
        var unlabelled = ML.Transforms.DropColumns(Label).Fit(Data()).Transform(Data());
        Assert.NotEmpty(Schemas.Values(model.Value.Transform(unlabelled)));
    }

    [Fact]
    public void Fitting_twice_gives_the_same()
    {
        var estimator = Make();
        using var first = Fitted(estimator, Data());
        using var second = Fitted(estimator, Data());
        Assert.Equal(Learned(first.Value), Learned(second.Value));
        Assert.Equal(Schemas.Values(first.Value.Transform(Data())), Schemas.Values(second.Value.Transform(Data())));
    }

    [Fact]
    public void Nothing_is_read_before_a_cursor_asks_and_then_only_what_is_needed()
    {
        var watched = new WatchedView(Data());
        using var model = Fitted(Make(), watched);
        // Every stage reads the data once, or not at all where it has nothing to learn from them.
        Assert.True(watched.Cursors.Count <= 1);
        Assert.All(watched.Cursors, columns => Assert.Equal([Features, Label], columns));
        watched.Cursors.Clear();
        var view = model.Value.Transform(watched);
        Assert.NotNull(model.Value.GetOutputSchema(watched.Schema));
        Assert.NotNull(model.Value.GetRowToRowMapper(watched.Schema));
        Assert.Equal(Data().GetRowCount(), view.GetRowCount());
        Assert.Empty(watched.Cursors);
        using var cursor = view.GetRowCursor([view.Schema[Label]]);
        Assert.Equal([[Label]], watched.Cursors);
    }

    [Fact]
    public void Single_rows_are_mapped_as_the_rows_of_a_view()
    {
        var data = Data();
        using var model = Fitted(Make(), data);
        Assert.True(model.Value.IsRowToRowMapper);
        var mapper = model.Value.GetRowToRowMapper(data.Schema);
        Assert.Same(data.Schema, mapper.InputSchema);
        var columns = mapper.OutputSchema.Where(column => !column.IsHidden).OrderBy(column => column.Name).ToArray();
        using var cursor = data.GetRowCursor(mapper.GetDependencies(columns));
        using var row = mapper.GetRow(cursor, columns);
        var readers = columns.Select(column => Schemas.Reader(row, column)).ToArray();
        var rows = new List<string>();
        while (cursor.MoveNext())
            rows.Add(string.Join("; ", columns.Zip(readers, (column, value) => $"{column.Name} {value()}")));
        Assert.Equal(Schemas.Values(model.Value.Transform(data)), rows);
        Assert.All(columns, column => Assert.True(row.IsColumnActive(column)));
    }

    [Fact]
    public void Behind_a_cache_the_result_is_the_same()
    {
        using var plain = Fitted(Make(), Data());
        using var cached = Fitted(Make(), ML.Data.Cache(Data()));
        Assert.Equal(Learned(plain.Value), Learned(cached.Value));
        var copy = ML.Transforms.CopyColumns("Copy", Features);
        using var followed = Fitted(Make().Append(copy), Data());
        using var checkpoint = Fitted(new EstimatorChain<ITransformer>().Append(Make()).AppendCacheCheckpoint(ML).Append(copy), Data());
        Assert.Equal(Schemas.Values(followed.Value.Transform(Data())), Schemas.Values(checkpoint.Value.Transform(Data())));
    }

    [Fact]
    public void Splits_filters_shuffles_and_hidden_columns_are_data_like_any_other()
    {
        var data = Data(90);
        var views = ML.Data.CrossValidationSplit(data, 3).Append(ML.Data.TrainTestSplit(data, 0.2))
            .Select(fold => (fold.TrainSet, fold.TestSet))
            .Append((ML.Data.FilterRowsByKeyColumnFraction(data, Label, 0, 0.7), data))
            .Append((ML.Data.ShuffleRows(data, seed: 3), ML.Data.TakeRows(data, 5)))
            .Append((ML.Transforms.CopyColumns(Label, Label).Fit(data).Transform(data), ML.Data.SkipRows(data, 80)));
        foreach (var (train, test) in views)
        {
            using var model = Fitted(Make(), train);
            Assert.Equal(Schemas.Values(test).Length, Schemas.Values(model.Value.Transform(test)).Length);
        }
    }

    [Fact]
    public void Columns_may_have_other_names()
    {
        using var plain = Fitted(Make(), Data());
        var renamed = AfterEarlierStages(Toy.Data(ML, features: "Picture", label: "Kind"), "Picture");
        using var model = Fitted(Make("Picture", "Kind"), renamed);
        Assert.Equal(Learned(plain.Value), Learned(model.Value));
        Assert.Equal(
            model.Value.GetOutputSchema(renamed.Schema).Select(column => column.Name).Order(),
            Make("Picture", "Kind").GetOutputSchema(Schemas.Shape(renamed.Schema)).Select(column => column.Name).Order());
    }

    [Fact]
    public void Saved_and_loaded_the_values_are_the_same_bit_for_bit()
    {
        using var folder = new TemporaryFolder();
        using var model = Fitted(Make(), Data());
        ML.Model.Save(model.Value, Data().Schema, folder.File("model.zip"));
        using var loaded = new Owned(ML.Model.Load(folder.File("model.zip"), out var schema));
        Assert.Equal(Data().Schema.Select(column => (column.Name, column.Type)), schema.Select(column => (column.Name, column.Type)));
        Assert.Equal(Schemas.Values(model.Value.Transform(Data())), Schemas.Values(loaded.Value.Transform(Data())));
    }

    /// <summary>The toy data, ready for this stage.</summary>
    protected IDataView Data(int count = 48) => AfterEarlierStages(Toy.Data(ML, count));

    private void RefusedToFit(IDataView data, string message)
    {
        var estimator = Make();
        var early = Assert.Throws<ArgumentOutOfRangeException>(() => estimator.GetOutputSchema(Schemas.Shape(data.Schema)));
        var late = Assert.Throws<ArgumentOutOfRangeException>(() => estimator.Fit(data));
        Assert.Contains(message, early.Message);
        Assert.Contains(message, late.Message);
    }

    private static Owned Fitted(IEstimator<ITransformer> estimator, IDataView data) => new(estimator.Fit(data));

    private static string Describe(SchemaShape.Column column) =>
        $"{column.Name}: {column.Kind} of {(column.IsKey ? "key " : "")}{column.ItemType} " +
        $"[{string.Join(", ", column.Annotations.Select(Describe).Order())}]";

    /// <summary>A transformer, disposed if it can be.</summary>
    private sealed record Owned(ITransformer Value) : IDisposable
    {
        public void Dispose() => (Value as IDisposable)?.Dispose();
    }
}
