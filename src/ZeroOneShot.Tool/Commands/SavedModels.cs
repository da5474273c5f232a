using ZeroOneShot.ML;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Saved models, as commands take them: a file, or the folder of a run.</summary>
internal static class SavedModels
{
    /// <summary>The model that is meant.</summary>
    /// <exception cref="ToolException">There is none.</exception>
    public static string Zip(string path)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, "model.zip") : path;
        return File.Exists(file) ? file : throw new ToolException(
            ExitCode.RefusedFile, $"There is no file '{file}'; expected a saved model, such as out/model.zip of zeroone fit.");
    }

    public static ImageClassifierPool Load(string zip, string imageColumn = "Image") => ToolException.Within(ExitCode.RefusedFile,
        () => ImageClassifierPool.Load(zip, new ImageClassifierPoolOptions
        {
            ImageColumnName = imageColumn, Concurrency = Environment.ProcessorCount,
        }));

    /// <summary>The search space that a file names.</summary>
    public static SearchSpace SpaceOf(string path) => ToolException.Within(ExitCode.RefusedFile, () =>
        SearchSpace.Named(SearchInfo.Read(path).SearchSpace));

    public static CellNetWeights Weights(string path) => ToolException.Within(ExitCode.RefusedFile, () => CellNetWeights.Read(path));
}
