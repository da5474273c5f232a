using System.Text.RegularExpressions;
using Xunit;

namespace ZeroOneShot.Tests;

/// <summary>Where a reader finds things: folders that know one another in one direction only.</summary>
public sealed partial class FolderTests
{
    /// <summary>Their names stand in the code, since they are namespaces.</summary>
    [Fact]
    public void No_two_folders_of_the_core_need_each_other_by_whatever_way()
    {
        var folders = Folders("ZeroOneShot");
        Assert.InRange(folders.Count, 10, 100);
        var needs = folders.ToDictionary(folder => folder.Key, folder => folder.Value.Select(Code)
            .SelectMany(code => Needed().Matches(code).Select(match => match.Groups["folder"].Value))
            .Where(other => other != folder.Key && folders.ContainsKey(other)).ToHashSet());
        Assert.Contains("SearchSpaces", needs["Networks"]);
        NeedOneAnotherInOneDirection(needs);
    }

    /// <summary>They share a namespace; what they need of one another is known by the names of types.</summary>
    [Fact]
    public void No_two_folders_of_the_ML_NET_part_need_each_other_by_whatever_way()
    {
        var folders = Folders("ZeroOneShot.ML");
        Assert.InRange(folders.Count, 5, 100);
        var places = folders.SelectMany(folder => folder.Value.SelectMany(file => Declared().Matches(Code(file)))
            .Select(match => (Type: match.Groups["type"].Value, folder.Key))).Distinct().ToDictionary(at => at.Type, at => at.Key);
        Assert.Equal("Stages", places["CellNetTrainer"]);
        var needs = folders.ToDictionary(folder => folder.Key, folder => folder.Value.Select(Code)
            .SelectMany(code => Name().Matches(code).Select(match => match.Value)).Where(places.ContainsKey)
            .Select(type => places[type]).Where(other => other != folder.Key).ToHashSet());
        Assert.Contains("Columns", needs["Stages"]);
        NeedOneAnotherInOneDirection(needs);
    }

    private static Dictionary<string, string[]> Folders(string project) => Directory
        .GetDirectories(Path.Combine(Repository.Root, "src", project))
        .Where(folder => !Built().IsMatch(folder + Path.DirectorySeparatorChar))
        .Select(folder => (Name: Path.GetFileName(folder), Files: Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories)))
        .Where(folder => folder.Files.Length > 0).ToDictionary(folder => folder.Name, folder => folder.Files);

    /// <summary>A file without its comments and texts.</summary>
    private static string Code(string file) => string.Join('\n', File.ReadLines(file)
        .Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal)).Select(line => Quoted().Replace(line, "\"\"")));

    /// <summary>Takes away what needs nothing that is left; the rest goes in circles.</summary>
    private static void NeedOneAnotherInOneDirection(Dictionary<string, HashSet<string>> needs)
    {
        while (needs.FirstOrDefault(at => !at.Value.Overlaps(needs.Keys)).Key is { } lowest)
            needs.Remove(lowest);
        Assert.True(needs.Count == 0, "These folders need one another: " + string.Join("; ", needs.Select(at =>
            $"{at.Key} needs {string.Join(", ", at.Value.Where(needs.ContainsKey))}")));
    }

    [Fact]
    public void Lines_of_code_are_at_most_140_columns_wide()
    {
        var files = new[] { "src", "tests", "samples", "benchmarks" }.SelectMany(folder => Directory.EnumerateFiles(
            Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories)).Where(file => !Built().IsMatch(file)).ToArray();
        Assert.InRange(files.Length, 100, 10_000);
        Assert.Empty(files.SelectMany(file => File.ReadLines(file).Index().Where(line => line.Item.Length > 140)
            .Select(line => $"{Path.GetRelativePath(Repository.Root, file)}:{line.Index + 1}")));
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("CHANGELOG.md")]
    [InlineData("docs/extending.md")]
    public void Every_link_of_a_document_leads_somewhere(string document)
    {
        var path = Path.Combine(Repository.Root, document);
        var links = Link().Matches(File.ReadAllText(path)).Select(match => match.Groups["path"].Value);
        Assert.All(links, link => Assert.True(Path.Exists(Path.Combine(Path.GetDirectoryName(path)!, link)), link));
    }

    // Not the addresses of other sites, which have a colon.
    [GeneratedRegex(@"\[[^\]]+\]\((?<path>[\w./-]+)\)")]
    private static partial Regex Link();

    // Beside the code, what is made of it.
    [GeneratedRegex(@"[\\/](bin|obj|artifacts)[\\/]")]
    private static partial Regex Built();

    // A using, or a name that begins with a folder's.
    [GeneratedRegex(@"(?<![\w."".])(ZeroOneShot\.)?(?<folder>[A-Z]\w+)(\.[A-Z]|;)")]
    private static partial Regex Needed();

    // A text on one line, in which a folder or a type may be named.
    [GeneratedRegex("\"(\\\\.|[^\"\\\\])*\"")]
    private static partial Regex Quoted();

    // A type that stands by itself, not in another one.
    [GeneratedRegex(@"^(?:[a-z]+ )*(class|struct|interface|enum|record) (?<type>\w+)", RegexOptions.Multiline)]
    private static partial Regex Declared();

    [GeneratedRegex(@"(?<![\w.])[A-Z]\w+")]
    private static partial Regex Name();
}
