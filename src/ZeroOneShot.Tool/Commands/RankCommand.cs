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
    private static readonly RankingOptions s_usual = new();

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
        Description = $"One or more, with commas, of {string.Join(", ", RankingFunctions.All.Select(function => function.Name))}, " +
            "swap-regularised:MU:SIGMA.",
        DefaultValueFactory = _ => new Swap().Name,
        HelpName = "NAMES",
    };

    private static readonly Option<int> s_seed = new("--seed")
    {
        Description = "Decides weights and images.", DefaultValueFactory = _ => 0, HelpName = "N",
    };

    private static readonly Option<int?> s_images = new("--images")
    {
        Description = $"How many images to rank on, of the classes in equal parts; {s_usual.BatchSize * s_usual.Batches} as in the " +
            "public protocol, or all where there are fewer.",
        HelpName = "N",
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
            s_data, s_genotypes, s_functions, s_space, s_seed, s_images, s_imageSize,
        };
        s_images.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var count) && count < 2)
                result.AddError($"--images is {count}; expected at least 2, since batch norms need more than one.");
        });
        command.Does((parsed, stop) =>
        {
            var functions = RankingFunctions.Parse(parsed.GetRequiredValue(s_functions));
            var space = SearchSpace.Named(parsed.GetRequiredValue(s_space));
            var size = parsed.GetValue(s_imageSize);
            var genotypes = parsed.GetRequiredValue(s_genotypes).Select(what => GenotypeText.Read(what, space)).ToList();
            var seed = parsed.GetValue(s_seed);
            var images = ToolException.Within(ExitCode.Data, () => Pixels(
                parsed.GetRequiredValue(s_data), size, seed, parsed.GetValue(s_images)));
            var options = s_usual with { Seed = seed, Batches = (images.Count + s_usual.BatchSize - 1) / s_usual.BatchSize };
            // In batches of one size, or a few images fewer in the last.
            options = options with { BatchSize = (images.Count + options.Batches - 1) / options.Batches, TakesFewerImages = true };
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
    private static ImageSet Pixels(string place, int size, int seed, int? asked)
    {
        var ml = new MLContext(seed: seed);
        var source = ImageSource.Open(ml, place);
        var count = asked ?? s_usual.BatchSize * s_usual.Batches;
        var list = Some(source.Train, count, seed);
        if (list.Images.Count < count && asked is not null)
        {
            throw new InvalidDataException(
                $"'{place}' has {list.Images.Count} images, and --images asks for {count}; expected at least as many. Give more images, " +
                "or a smaller --images.");
        }
        if (list.Images.Count < count)
        {
            Console.Error.WriteLine(
                $"Warning: ranked on {list.Images.Count} images, not on {count}: '{Terminal.Printable(place)}' has no more. Scores of " +
                "few images vary more from seed to seed.");
        }
        var channels = source.IsGrey ? 1 : 3;
        var view = ml.Transforms.ImagePixels("Features", "Image", size, size,
            channels).Fit(list.ToDataView(ml)).Transform(list.ToDataView(ml));
        var pixels = new List<byte>();
        foreach (var row in ml.Data.CreateEnumerable<PixelRow>(view, reuseRowObject: true))
            pixels.AddRange(row.Features.Select(value => (byte)Math.Clamp(MathF.Round(value), 0, 255)));
        return new ImageSet(pixels.ToArray(), [.. list.Images.Select(image => image.Label)], new ImageShape(channels, size, size),
            list.ClassNames);
    }

    // As many of every class as there are, and of the larger ones more where smaller ones have too few.
    private static ImageList Some(ImageList all, int count, int seed)
    {
        if (all.Images.Count <= count)
            return all;
        int[] sizes = [.. all.Images.GroupBy(image => image.Label).Select(ofClass => ofClass.Count())];
        var ofEach = Math.Max(1, count / sizes.Length);
        while (sizes.Sum(ofClass => Math.Min(ofClass, ofEach)) < count)
            ofEach++;
        var some = all.Take(ofEach, seed);
        return some with
        {
            Images = [.. Enumerable.Range(0, count).Select(k => some.Images[(int)((long)k * some.Images.Count / count)])],
        };
    }

    private sealed class PixelRow
    {
        public float[] Features { get; set; } = [];
    }
}
