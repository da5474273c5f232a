using Microsoft.ML;
using Xunit;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick.Tests;

public sealed class AccuracySurrogateTests : IDisposable
{
    private static readonly AccuracySurrogate s_surrogate = AccuracySurrogate.Load();

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void One_network_has_one_accuracy_however_its_genotype_is_written()
    {
        using var stream = RandomStream.Of(3, "ways to write");
        var genotypes = Sample(200);
        var rewritten = genotypes.Select(genotype => new Genotype(
            Rewritten(genotype.Normal, stream.Random), Rewritten(genotype.Reduction!, stream.Random))).ToArray();
        Assert.True(genotypes.Zip(rewritten).Count(pair => !pair.First.Equals(pair.Second)) > 150);
        Assert.All(s_surrogate.Predict(genotypes).Zip(s_surrogate.Predict(rewritten)),
            pair => Assert.Equal(pair.First.Accuracy, pair.Second.Accuracy, 1e-4));
    }

    [Fact]
    public void Many_predictions_are_those_of_each()
    {
        var genotypes = Sample(5000);
        var together = s_surrogate.Predict(genotypes, TestContext.Current.CancellationToken);
        Assert.All((int[])[0, 1, 2047, 2048, 4999], i => Assert.Equal(s_surrogate.Predict(genotypes[i]), together[i]));
        Assert.Empty(s_surrogate.Predict([]));
    }

    [Fact]
    public void Predictions_are_those_of_the_MLNET_model_in_the_zip()
    {
        var genotypes = Sample(500);
        // Of the linear part ML.NET adds up single precision, in an order that depends on the processor.
        Assert.All(s_surrogate.Predict(genotypes).Zip(s_surrogate.PredictByPipeline(genotypes)),
            pair => Assert.Equal(pair.Second, pair.First.Accuracy, 5e-5));
    }

    [Fact]
    public void Predicting_one_genotype_after_the_other_makes_no_garbage_but_the_prediction()
    {
        var genotypes = Sample(200);
        foreach (var genotype in genotypes)
            s_surrogate.Predict(genotype);
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var genotype in genotypes)
            s_surrogate.Predict(genotype);
        // A data view around each would take some ten thousand bytes.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / genotypes.Count, 0, 1000);
    }

    [Fact]
    public void Chance_finds_the_middle_and_the_published_searches_more()
    {
        Assert.InRange(Sample(1000).Average(s_surrogate.Percentile), 45, 55);
        Assert.All(PublishedGenotypes.ByName, at => Assert.True(s_surrogate.Percentile(at.Value) > 60, at.Key));
        Assert.Equal(0, s_surrogate.RandomGenotypes.Percentile(50));
        Assert.Equal(100, s_surrogate.RandomGenotypes.Percentile(100));
    }

    [Fact]
    public void Intervals_lie_around_the_prediction_and_are_wider_for_poor_architectures()
    {
        var estimates = s_surrogate.Predict(Sample(2000)).OrderBy(at => at.Accuracy).ToArray();
        Assert.All(estimates, at => Assert.True(at.Low < at.Accuracy && at.Accuracy < at.High && at.High <= 100));
        Assert.True(estimates[..200].Average(at => at.High - at.Low) > 1.3 * estimates[^200..].Average(at => at.High - at.Low));
        Assert.InRange(s_surrogate.Errors.Coverage, s_surrogate.Errors.IntervalLevel - 0.02, s_surrogate.Errors.IntervalLevel + 0.02);
    }

    [Theory]
    [InlineData("nas-bench-201")]
    [InlineData("darts-s4")]
    [InlineData("darts-large")]
    public void A_genotype_of_another_space_is_refused_with_both_names(string name)
    {
        var space = SearchSpace.Named(name);
        var other = new GenotypeSampler(OperationMask.Full(space)).Draw(20, seed: 1)
            .First(genotype => genotype.Normal.Nodes != 4 || genotype.Normal.Edges.Any(edge => edge.Operation == "noise"));
        var message = Assert.Throws<ArgumentException>(() => s_surrogate.Predict([PublishedGenotypes.DartsV1, other])).Message;
        Assert.Contains("Genotype 1", message);
        Assert.Contains($"'{name}'", message);
        Assert.Contains("'darts'", message);
    }

    [Fact]
    public void A_genotype_with_two_edges_into_a_node_from_the_same_input_is_predicted_and_marked()
    {
        var known = PublishedGenotypes.DartsV1;
        GenotypeEdge[] edges = [.. known.Reduction!.Edges];
        edges[3] = edges[3] with { Input = edges[2].Input };
        var shared = new Genotype(known.Normal, new CellGenotype(edges));
        Assert.Equal([false, true], s_surrogate.Predict([known, shared]).Select(at => at.IsExtrapolated));
        Assert.True(s_surrogate.Predict(shared).IsExtrapolated);
        var table = _folder.File("table.csv", $"genotype,val_accuracy\n\"{known}\",93\n\"{shared}\",93\n");
        Assert.Contains("1 of them have two edges into a node from the same input", TablePredictions.Of(s_surrogate, table).ToString());
    }

    [Fact]
    public void A_cell_whose_output_leaves_a_node_out_is_refused()
    {
        var cell = new CellGenotype(PublishedGenotypes.DartsV1.Normal.Edges, [3, 4, 5]);
        Assert.Contains("leaves nodes out", Assert.Throws<ArgumentException>(
            () => s_surrogate.Predict(new Genotype(cell, PublishedGenotypes.DartsV1.Reduction))).Message);
    }

    [Fact]
    public void A_saved_surrogate_predicts_the_same_and_is_an_ordinary_MLNET_model()
    {
        var file = _folder.File("surrogate.zip");
        s_surrogate.Save(file);
        var genotypes = Sample(50);
        var loaded = AccuracySurrogate.Load(file);
        Assert.Equal(s_surrogate.Predict(genotypes), loaded.Predict(genotypes));
        Assert.Equal(s_surrogate.Errors.Spearman, loaded.Errors.Spearman);
        new MLContext().Model.Load(file, out var schema);
        Assert.NotNull(schema.GetColumnOrNull("Features"));
        Assert.InRange(new FileInfo(file).Length, 10_000, 4_000_000);
    }

    [Fact]
    public void What_is_no_surrogate_is_refused_by_its_name()
    {
        Assert.Contains("none.zip", Assert.Throws<FileNotFoundException>(() => AccuracySurrogate.Load(_folder.File("none.zip"))).Message);
        var text = _folder.File("text.zip", "no zip");
        Assert.Contains(text, Assert.Throws<InvalidDataException>(() => AccuracySurrogate.Load(text)).Message);
        var damaged = _folder.File("damaged.zip");
        s_surrogate.Save(damaged);
        var bytes = File.ReadAllBytes(damaged);
        for (var i = 0; i < bytes.Length; i += 997)
        {
            var changed = (byte[])bytes.Clone();
            changed[i] ^= 0x55;
            File.WriteAllBytes(damaged, changed);
            // Either the change is noticed, or it was in a name or a date that no model is made of.
            try
            {
                var loaded = AccuracySurrogate.Load(damaged);
                Assert.Equal(s_surrogate.Predict(PublishedGenotypes.DartsV2), loaded.Predict(PublishedGenotypes.DartsV2));
            }
            catch (InvalidDataException e)
            {
                Assert.Contains(damaged, e.Message);
            }
        }
    }

    [Fact]
    public void Trained_on_a_third_of_the_table_it_orders_the_rest_and_its_intervals_hold()
    {
        var rows = ArchitectureTable.ReadMeasured(Tables.Path("nasbench301.csv"));
        var surrogate = SurrogateTraining.Train([.. rows.Take(2500)], folds: 2, trees: 60, seed: 5);
        MeasuredGenotype[] held = [.. rows.Skip(2500)];
        var estimates = surrogate.Predict([.. held.Select(row => row.Genotype)]);
        var spearman = RankCorrelation.Spearman([.. estimates.Select(at => at.Accuracy)], [.. held.Select(row => row.Accuracy)]);
        Assert.True(spearman > 0.9, $"Spearman is {spearman}.");
        // Two folds trained on half of the rows each: what it says of itself is a little too low, and its intervals too wide.
        Assert.InRange(surrogate.Errors.Spearman.Value, spearman - 0.03, spearman + 0.005);
        var within = held.Zip(estimates).Count(at => at.First.Accuracy >= at.Second.Low && at.First.Accuracy <= at.Second.High);
        Assert.InRange((double)within / held.Length, 0.89, 0.95);
    }

    [Fact]
    public void The_same_seed_trains_the_same_surrogate()
    {
        // Accuracies that the shipped one predicts: no table is needed.
        var genotypes = Sample(300);
        MeasuredGenotype[] rows = [.. genotypes.Zip(s_surrogate.Predict(genotypes), (at, of) => new MeasuredGenotype(at, of.Accuracy))];
        var (first, second) = (SurrogateTraining.Train(rows, 2, 10), SurrogateTraining.Train(rows, 2, 10));
        Assert.Equal(first.Predict(genotypes), second.Predict(genotypes));
        Assert.Equal(first.RandomGenotypes.Values, second.RandomGenotypes.Values);
        Assert.Contains("at least 200", Assert.Throws<ArgumentException>(() => SurrogateTraining.Train(rows[..199])).Message);
    }

    private static IReadOnlyList<Genotype> Sample(int count) =>
        new GenotypeSampler(OperationMask.Full(SearchSpace.Darts)).Draw(count, seed: 7);

    /// <summary>The same cell, its nodes in another order that its edges allow, the edges into a node the other way round.</summary>
    private static CellGenotype Rewritten(CellGenotype cell, Random random)
    {
        int[] order = [0, 1, 2, 3], place = new int[4];
        do
        {
            random.Shuffle(order);
            foreach (var (at, node) in order.Index())
                place[node] = at;
        }
        while (cell.Edges.Index().Any(at => at.Item.Input is >= 2 and var from && place[from - 2] > place[at.Index / 2]));
        return new(order.SelectMany(node => (GenotypeEdge[])[Moved(2 * node + 1), Moved(2 * node)]));

        GenotypeEdge Moved(int edge) => cell.Edges[edge] with
        {
            Input = cell.Edges[edge].Input is >= 2 and var from ? 2 + place[from - 2] : cell.Edges[edge].Input,
        };
    }
}
