namespace ZeroOneShot.Samples.Tests;

/// <summary>One run of all recipes, and the folders that it left among the temporary files.</summary>
public sealed class RecipeRun
{
    public RecipeRun()
    {
        // A process takes over the environment of the one that starts it.
        var variable = OperatingSystem.IsWindows() ? "TMP" : "TMPDIR";
        var before = Environment.GetEnvironmentVariable(variable);
        var folder = Directory.CreateTempSubdirectory("zerooneshot-test-").FullName;
        Environment.SetEnvironmentVariable(variable, folder);
        try
        {
            All = Sample.Run("Recipes");
            // Files are another matter: ML.NET's OnnxTransformer never deletes the one that it makes of a model in memory.
            FoldersLeft = [.. Directory.EnumerateDirectories(folder)];
        }
        finally
        {
            Environment.SetEnvironmentVariable(variable, before);
            Directory.Delete(folder, recursive: true);
        }
    }

    internal Sample.Result All { get; }

    public IReadOnlyList<string> FoldersLeft { get; }

    /// <summary>What each recipe wrote, in the order in which they ran.</summary>
    public IEnumerable<(string Recipe, string Text)> Outputs =>
        All.Output.Split("== ", StringSplitOptions.RemoveEmptyEntries)
            .Select(part => part.Split('\n', 2))
            .Select(part => (part[0], part[1].TrimEnd()));

    public string TextOf(string recipe) => Outputs.Single(output => output.Recipe == recipe).Text;
}
