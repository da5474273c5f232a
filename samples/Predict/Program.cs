// Classifies image files with a saved model, trained on paths, on the bytes of files or on images: prints the three best labels of each,
// with scores. Arguments: [--column NAME] model.zip image [more images]; NAME is the model's column of images, Image where it is not given.
// Exit code: 0, 1 when the model or an image cannot be used, 2 for bad usage.
using System.Globalization;
using Predict;

var column = "Image";
if (args is ["--column", var name, ..])
    (column, args) = (name, args[2..]);
if (args.Length < 2 || args[0].StartsWith('-'))
{
    Console.Error.WriteLine("Usage: Predict [--column NAME] model.zip image [more images]");
    return 2;
}

try
{
    using var classifier = ImageClassifier.Load(args[0], column);
    var failed = false;
    foreach (var path in args[1..])
    {
        try
        {
            var best = classifier.Classify(path).OrderByDescending(label => label.Score).Take(3)
                .Select(label => string.Create(CultureInfo.InvariantCulture, $"{label.Name} {label.Score:0.00000}"));
            Console.WriteLine($"{path}: {string.Join(", ", best)}");
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            // The other images are classified all the same.
            Console.Error.WriteLine(e.Message);
            failed = true;
        }
    }
    return failed ? 1 : 0;
}
catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
