using System.CommandLine;
using System.Globalization;
using Microsoft.ML;
using ZeroOneShot.Data;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tool.Data;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Ranks architectures without training them.</summary>
internal static class RankCommand
{
    private static readonly Argument<string> s_data = new("DATA") { Description = ImageSource.Kinds };

    private static readonly Argument<string[]> s_genotypes = new("GENOTYPES")
    {
        Description = "genotype.json files, folders of runs, or genotypes as papers print them.", Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string> s_space = new("--space")
    {
        Description = $"One of {string.Join(", ", SearchSpace.All.Select(space => space.Name))}.",
        DefaultValueFactory = _ => SearchSpace.Darts.Name,
        HelpName = "NAME",
    };

    private static readonly Option<string> s_functions = new("--functions")
    {
        Description = $"One or more, with commas, of {string.Join(", ", RankingFunctions.All.Select(function => function.Name))}.",
        DefaultValueFactory = _ => new Swap().Name,
        HelpName = "NAMES",
    };

    private static readonly Option<int> s_seed = new("--seed")
    {
        Description = "Decides weights and images.", DefaultValueFactory = _ => 0, HelpName = "N",
    };

    private static readonly Option<int> s_imageSize = new("--image-size")
    {
        Description = "Side in pixels that images are resized to.", DefaultValueFactory = _ => 32, HelpName = "N",
    };

    public static Command Make()
    {
        var command = new Command("rank", "Ranks architectures without training, by the ranking function of the paper or others: the " +
            "higher the better. A line for each: its scores, and the genotype.")
        {
            s_data, s_genotypes, s_functions, s_space, s_seed, s_imageSize,
        };
        command.Does((parsed, stop) =>
        {
            var functions = RankingFunctions.Parse(parsed.GetRequiredValue(s_functions));
            var space = SearchSpace.Named(parsed.GetRequiredValue(s_space));
            var size = parsed.GetValue(s_imageSize);
            var genotypes = parsed.GetRequiredValue(s_genotypes).Select(what => GenotypeText.Read(what, space)).ToList();
            var options = new RankingOptions { Seed = parsed.GetValue(s_seed) };
            var images = ToolException.Within(ExitCode.Data, () => Pixels(parsed.GetRequiredValue(s_data), size, options));
            options = options with { BatchSize = Math.Min(options.BatchSize, images.Count) };
            foreach (var genotype in genotypes)
            {
                var scores = Ranking.Scores(images, genotype, functions, options, space: space, cancellationToken: stop.Token);
                Console.Out.WriteLine(string.Join('\t', scores.Select(score => score.ToString(CultureInfo.InvariantCulture))
                    .Append(Terminal.Printable(genotype.ToString()))));
            }
            return ExitCode.Done;
        });
        return command;
    }

    // No more images than are looked at.
    private static ImageSet Pixels(string place, int size, RankingOptions options)
    {
        var ml = new MLContext(seed: (int)options.Seed);
        var source = ImageSource.Open(ml, place);
        var list = source.Train;
        var ofEach = Math.Max(1, options.BatchSize * options.Batches / list.ClassNames.Count + 1);
        list = list.Take(ofEach, (int)options.Seed);
        var channels = source.IsGrey ? 1 : 3;
        var view = ml.Transforms.ImagePixels("Features", "Image", size, size,
            channels).Fit(list.ToDataView(ml)).Transform(list.ToDataView(ml));
        var pixels = new List<byte>();
        foreach (var row in ml.Data.CreateEnumerable<PixelRow>(view, reuseRowObject: true))
            pixels.AddRange(row.Features.Select(value => (byte)Math.Clamp(MathF.Round(value), 0, 255)));
        return new ImageSet(pixels.ToArray(), [.. list.Images.Select(image => image.Label)], new ImageShape(channels, size, size),
            list.ClassNames);
    }

    private sealed class PixelRow
    {
        public float[] Features { get; set; } = [];
    }
}
