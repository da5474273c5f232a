using System.Globalization;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tool.Commands;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tool.Runs;

/// <summary>What a fit was asked for: with the same images, what decides its result but for the machine's speed.</summary>
internal sealed record RunSpecification
{
    /// <summary>The images: a full path, or the word for the sample.</summary>
    public required string Data { get; init; }

    public required double Minutes { get; init; }

    /// <summary>The memory to keep to, in bytes; null is three quarters of the machine's.</summary>
    public long? Memory { get; init; }

    public required string Method { get; init; }

    /// <summary>The name of the search space.</summary>
    public string Space { get; init; } = SearchSpace.Darts.Name;

    public required int Seed { get; init; }

    /// <summary>Side of the images in pixels.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Whether images are read as grey.</summary>
    public bool Grey { get; init; }

    /// <summary>Images of every class to train on, at most; a quarter of it is tested on.</summary>
    public int? ImagesPerClass { get; init; }

    public long? MaxParameters { get; init; }

    public long? MaxMultiplyAdds { get; init; }

    /// <summary>How much the classes count in the training; null: every image as any other.</summary>
    public ClassWeighting? ClassWeights { get; init; }

    /// <summary>Whether search and training see images mirrored, too.</summary>
    public bool Mirror { get; init; } = true;

    /// <summary>Whether a linear classifier is trained beside it, to compare.</summary>
    public bool Linear { get; init; }

    /// <summary>Whether the run follows a plan that was given, in place of one that is made for its minutes.</summary>
    public bool FollowsPlan { get; init; }

    /// <summary>The command line that asks for it.</summary>
    /// <param name="outFolder">Where the results go.</param>
    /// <param name="plan">The plan to follow, which has minutes, memory, method, space and size of the images; null for none yet.</param>
    public string Command(string outFolder, string? plan)
    {
        var words = new List<string> { "zeroone", "fit", Terminal.Word(Data) };
        if (plan is not null)
        {
            Add("--plan", Terminal.Word(plan));
        }
        else
        {
            Add("--minutes", Minutes.ToString("0.###", CultureInfo.InvariantCulture));
            Add("--memory", Memory is { } bytes ? ByteCount.Text(bytes) : null);
            Add("--method", Method);
            Add("--space", Space == SearchSpace.Darts.Name ? null : Space);
            Add("--image-size", $"{ImageSize}");
            if (Grey)
                words.Add("--grey");
        }
        Add("--seed", $"{Seed}");
        Add("--images-per-class", ImagesPerClass?.ToString(CultureInfo.InvariantCulture));
        Add("--max-parameters", MaxParameters?.ToString(CultureInfo.InvariantCulture));
        Add("--max-multiply-adds", MaxMultiplyAdds?.ToString(CultureInfo.InvariantCulture));
        Add("--class-weights", ClassWeights is { } weighting ? FitCommand.Asked.NameOf(weighting) : null);
        if (!Mirror)
            words.Add("--no-mirror");
        if (Linear)
            words.Add("--linear");
        Add("--out", Terminal.Word(outFolder));
        return string.Join(' ', words);

        void Add(string option, string? value)
        {
            if (value is not null)
                words.AddRange([option, value]);
        }
    }
}
