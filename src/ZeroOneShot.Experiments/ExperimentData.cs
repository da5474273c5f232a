using System.Security.Cryptography;
using System.Text;
using ZeroOneShot.Data;

namespace ZeroOneShot.Experiments;

/// <summary>Images to search, train and test on, under a name and with a hash that says whether two are the same.</summary>
public sealed class ExperimentData
{
    /// <summary>Images by name.</summary>
    /// <param name="name">Lower-case letters, digits and hyphens, since folders are called so.</param>
    /// <param name="train">Images to search and train on.</param>
    /// <param name="test">Images to test on, of the same shape and classes.</param>
    /// <exception cref="ArgumentException">The name has other characters, or the two do not fit together.</exception>
    public ExperimentData(string name, ImageSet train, ImageSet test)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(train);
        ArgumentNullException.ThrowIfNull(test);
        if (!name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-'))
            throw new ArgumentException($"Data is called '{name}'; expected lower-case letters, digits and hyphens.", nameof(name));
        if (train.Shape != test.Shape || !train.ClassNames.SequenceEqual(test.ClassNames))
        {
            throw new ArgumentException($"The images to test on are {test.Shape} of {test.ClassCount} classes, those to train on " +
                $"{train.Shape} of {train.ClassCount}; expected the same shape and classes.", nameof(test));
        }
        (Name, Train, Test) = (name, train, test);
        Hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(train.Fingerprint() + "\n" + test.Fingerprint())));
    }

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>Images to search and train on.</summary>
    public ImageSet Train { get; }

    /// <summary>Images to test on.</summary>
    public ImageSet Test { get; }

    /// <summary>A hash of all pixels, labels and names of classes.</summary>
    public string Hash { get; }

    /// <summary>CIFAR-10 or CIFAR-100 in the binary layout, whichever the folder holds.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="IOException">It holds neither, or a file cannot be read.</exception>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    public static ExperimentData Cifar(string folder)
    {
        if (!CifarFiles.TryDetect(folder, out var kind))
        {
            throw new FileNotFoundException($"'{folder}' holds neither CIFAR-10 (data_batch_1.bin, ...) nor CIFAR-100 (train.bin, " +
                "test.bin) in the binary layout.");
        }
        return kind == CifarKind.Cifar10
            ? new("cifar10", CifarFiles.Read10(folder, CifarPart.Train), CifarFiles.Read10(folder, CifarPart.Test))
            : new("cifar100", CifarFiles.Read100(folder, CifarPart.Train), CifarFiles.Read100(folder, CifarPart.Test));
    }

    /// <summary>The part that a preset takes, the same for every method and seed.</summary>
    internal (ImageSet Train, ImageSet Test) PartFor(ExperimentPreset preset) =>
        (AtMost(Train, preset.TrainImages), AtMost(Test, preset.TestImages));

    private static ImageSet AtMost(ImageSet images, int? count) =>
        count is { } most && most < images.Count ? images.Take(Math.Max(1, most / images.ClassCount), seed: 1) : images;
}
