using System.Text.RegularExpressions;
using Xunit;

namespace ZeroOneShot.Tests;

/// <summary>Where a reader finds things: folders that know one another in one direction only.</summary>
public sealed partial class FolderTests
{
    [Fact]
    public void No_two_folders_of_the_core_need_each_other_by_whatever_way()
    {
        var root = Path.Combine(Repository.Root, "src", "ZeroOneShot");
        var folders = Directory.GetDirectories(root).Select(folder => Path.GetFileName(folder))
            .Where(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs").Any()).ToHashSet();
        Assert.InRange(folders.Count, 10, 100);
        var needs = folders.ToDictionary(folder => folder, folder => Directory
            .GetFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => File.ReadLines(file).Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal))
                .SelectMany(line => Needed().Matches(line).Select(match => match.Groups["folder"].Value)))
            .Where(other => other != folder && folders.Contains(other)).ToHashSet());
        Assert.Contains("SearchSpaces", needs["Networks"]);

        // What can be taken away because it needs nothing that is left; the rest goes in circles.
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
}
