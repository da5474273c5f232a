using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Genotypes as commands take them: the folder of a run, genotype.json, or the text that papers print.</summary>
internal static class GenotypeText
{
    /// <exception cref="ToolException">It is no genotype, or not of the space.</exception>
    public static Genotype Read(string what, SearchSpace space) => ToolException.Within(ExitCode.RefusedFile, () =>
    {
        var file = Directory.Exists(what) ? Path.Combine(what, "genotype.json") : what;
        var genotype = File.Exists(file) ? InputText.Parse(file, Genotype.FromJson) : Genotype.Parse(what);
        genotype.ThrowIfNotIn(space);
        return genotype;
    });
}
