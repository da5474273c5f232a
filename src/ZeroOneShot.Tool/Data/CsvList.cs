using Microsoft.ML;
using Microsoft.ML.Data;

namespace ZeroOneShot.Tool.Data;

/// <summary>Images listed in a CSV file: path and class, a line each; paths are relative to the file.</summary>
internal static class CsvList
{
    /// <exception cref="InvalidDataException">A line has no class or names no file, or there are fewer than two classes.</exception>
    public static ImageList Read(MLContext mlContext, string file)
    {
        var view = mlContext.Data.LoadFromTextFile(file, new TextLoader.Options
        {
            Columns = [new TextLoader.Column("Path", DataKind.String, 0), new TextLoader.Column("Class", DataKind.String, 1)],
            Separators = [','],
            AllowQuoting = true,
            TrimWhitespace = true,
        });
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var rows = view.GetColumn<string>("Path").Zip(view.GetColumn<string>("Class"), (path, of) => (Path: path, Class: of)).ToList();
        // The first line may say what the columns are.
        if (rows.Count > 1 && !File.Exists(Path.Combine(folder, rows[0].Path)) && File.Exists(Path.Combine(folder, rows[1].Path)))
            rows.RemoveAt(0);
        foreach (var (number, (path, of)) in rows.Index())
        {
            if (path.Length == 0 || of.Length == 0 || !File.Exists(Path.Combine(folder, path)))
            {
                throw new InvalidDataException($"Line {number + 1} of the images in '{file}' is '{Shortened(path)}', '{Shortened(of)}'; " +
                    $"expected the path of an image, relative to '{folder}', a comma and the name of its class.");
            }
        }
        string[] names = [.. rows.Select(row => row.Class).Distinct().Order(StringComparer.Ordinal)];
        if (names.Length < 2)
        {
            throw new InvalidDataException(
                $"'{file}' lists images of {names.Length} class(es); expected lines of path and class with at least two classes.");
        }
        var labels = names.Index().ToDictionary(at => at.Item, at => at.Index);
        return new ImageList(
            [.. rows.Select(row => (Path: Path.Combine(folder, row.Path), row.Class))
                .Select(row => new LabelledImage(row.Path, labels[row.Class], ImageSource.Reader(row.Path)))], names);
    }

    // The file may be anything, and a line of it as long as that.
    private static string Shortened(string text) => text.Length <= 200 ? text : text[..200] + "...";
}
