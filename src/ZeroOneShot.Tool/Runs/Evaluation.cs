using System.Collections.Concurrent;
using System.Diagnostics;
using ZeroOneShot.ML;
using ZeroOneShot.Report;
using ZeroOneShot.Tool.Data;

namespace ZeroOneShot.Tool.Runs;

/// <summary>How a saved model does on test images.</summary>
internal sealed record Evaluation
{
    private const double LeastScore = 1e-15;

    /// <summary>The names of the classes, in the order of the model.</summary>
    public required IReadOnlyList<string> ClassNames { get; init; }

    /// <summary>One for each image, in order.</summary>
    public required IReadOnlyList<TestPrediction> Predictions { get; init; }

    /// <summary>The score of every image's own class.</summary>
    public required IReadOnlyList<double> ScoresOfLabels { get; init; }

    /// <summary>The place of every image's own class among the scores, 0 for the highest.</summary>
    public required IReadOnlyList<int> Places { get; init; }

    public double Accuracy => TopK(1);

    public double TopK(int k) => Places.Count(place => place < k) / (double)Places.Count;

    /// <summary>Mean negative logarithm of the score of the right class, in nats.</summary>
    public double LogLoss => ScoresOfLabels.Average(score => -Math.Log(Math.Max(score, LeastScore)));

    /// <summary>Scores every image once.</summary>
    /// <exception cref="ToolException">The model does not know a class of the images, or there are none.</exception>
    public static Evaluation Of(ImageClassifierPool pool, ImageList images, CancellationToken cancellationToken)
    {
        var places = pool.ClassNames.Index().ToDictionary(at => at.Item, at => at.Index);
        if (images.ClassNames.FirstOrDefault(name => !places.ContainsKey(name)) is { } unknown)
        {
            throw new ToolException(ExitCode.Data, $"The images have a class '{unknown}' that the model does not know; it has " +
                $"{string.Join(", ", pool.ClassNames.Take(20))}{(pool.ClassNames.Count > 20 ? ", ..." : "")}.");
        }
        if (images.Images.Count == 0)
            throw new ToolException(ExitCode.Data, "There are no images to evaluate on.");
        var scored = Partitioner.Create(images.Images, EnumerablePartitionerOptions.NoBuffering).AsParallel().AsOrdered()
            .WithCancellation(cancellationToken).Select(image =>
            {
                using var decoded = image.Decode();
                var scores = pool.Classify(decoded);
                var label = images.ClassNames[image.Label];
                var place = scores.Index().First(of => of.Item.Label == label).Index;
                return (new TestPrediction(image.Name, places[label], places[scores[0].Label], Math.Clamp(scores[0].Score, 0, 1)),
                    (double)scores[place].Score, place);
            }).ToList();
        return new Evaluation
        {
            ClassNames = pool.ClassNames,
            Predictions = [.. scored.Select(of => of.Item1)],
            ScoresOfLabels = [.. scored.Select(of => of.Item2)],
            Places = [.. scored.Select(of => of.place)],
        };
    }

    /// <summary>The time for one image at a time, on one thread: decoded already, resized and classified; the median of some.</summary>
    public static double MillisecondsOf(ImageClassifierPool pool, ImageList images)
    {
        const int Warming = 3, Times = 15;
        using var image = images.Images[0].Decode();
        var times = new List<double>();
        for (var i = 0; i < Warming + Times; i++)
        {
            var watch = Stopwatch.GetTimestamp();
            pool.Classify(image);
            if (i >= Warming)
                times.Add(Stopwatch.GetElapsedTime(watch).TotalMilliseconds);
        }
        return times.Order().ElementAt(Times / 2);
    }

    /// <summary>As tables have it: the image's name, its class, the class predicted and its score.</summary>
    public string ToCsv() => string.Join('\n', Predictions.Select(of => Output.CsvText.Line(
        of.Image, ClassNames[of.Label], ClassNames[of.Predicted], of.Score.ToString("0.000000",
            System.Globalization.CultureInfo.InvariantCulture)))
        .Prepend("image,label,predicted,score"));
}
