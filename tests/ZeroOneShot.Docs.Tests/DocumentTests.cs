using System.Diagnostics;
using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.ML;
using Xunit;

namespace ZeroOneShot.Docs.Tests;

public sealed partial class DocumentTests
{
    // Those of extending.md are files of their own, with tests of their own.
    private static IEnumerable<string> Documents =>
        Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "docs"), "*.md").Where(file => Path.GetFileName(file) != "extending.md");

    private static string Root => AppContext.BaseDirectory[..AppContext.BaseDirectory.IndexOf(
        Path.Combine("tests", "ZeroOneShot.Docs.Tests"), StringComparison.Ordinal)];

    [Fact]
    public void All_code_of_the_documents_is_code_that_is_compiled_here_but_for_its_times()
    {
        var compiled = Lines(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Examples.cs")));
        var blocks = Documents.SelectMany(file => CodeBlock().Matches(File.ReadAllText(file))
            .Where(match => match.Groups["language"].Value == "csharp").Select(match => (file,
                Lines(match.Groups["code"].Value)))).ToArray();
        Assert.InRange(blocks.Length, 4, 100);
        foreach (var (file, block) in blocks)
        {
            Assert.True(
                Enumerable.Range(0, Math.Max(0, compiled.Length - block.Length + 1)).Any(start =>
                    compiled.AsSpan(start, block.Length).SequenceEqual(block)),
                $"{Path.GetFileName(file)}: {string.Join('\n', block)}");
        }

        static string[] Lines(string code) => [.. code.Split('\n').Select(line => Minutes().Replace(line, "FromMinutes()").Trim())
            .Where(line => line.Length > 0)];
    }

    [Fact]
    public async Task The_code_of_the_documents_runs()
    {
        var before = Directory.GetCurrentDirectory();
        var folder = Directory.CreateTempSubdirectory("zerooneshot-test-").FullName;
        try
        {
            Directory.SetCurrentDirectory(folder);
            using (var zip = ZipFile.OpenRead(Path.Combine(AppContext.BaseDirectory, "fashion-mnist-small.zip")))
            {
                foreach (var name in (string[])["bag", "sneaker", "trouser"])
                {
                    Directory.CreateDirectory(Path.Combine("flowers", name));
                    foreach (var image in zip.Entries.Where(of => of.FullName.StartsWith($"train/{name}/",
                        StringComparison.Ordinal)).Take(20))
                        image.ExtractToFile(Path.Combine("flowers", name, image.Name));
                }
            }
            File.Copy(Directory.GetFiles(Path.Combine("flowers", "bag"))[0], "rose.jpg");

            Examples.GettingStarted();
            Assert.NotNull(XDocument.Parse(File.ReadAllText("cells.svg")).Root);
            Examples.UsingIt();
            Assert.Equal(3, (await Examples.Services()).Count);
            var ml = new MLContext();
            var images = Examples.Images(ml);
            Assert.Equal(60, ml.Data.CreateEnumerable<Row>(images, reuseRowObject: true).Count());
            Examples.TheSameAgain(ml, ml.Transforms.ImagePixels("Features", "Image", 32, 32).Fit(images).Transform(images));
            Assert.NotNull(Examples.Reproducing(ml));
        }
        finally
        {
            Directory.SetCurrentDirectory(before);
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The command zeroone.</summary>
    internal static string Tool => Path.Combine(Root, "src", "ZeroOneShot.Tool", Path.GetRelativePath(
        Path.Combine(Root, "tests", "ZeroOneShot.Docs.Tests"), AppContext.BaseDirectory), "zeroone");

    /// <summary>What the documents have people type, in the order of a reader.</summary>
    internal static IReadOnlyList<string> Commands =>
    [
        .. Documents.OrderByDescending(file => Path.GetFileName(file) == "getting-started.md").ThenBy(file => file, StringComparer.Ordinal)
            .SelectMany(file => CodeBlock().Matches(File.ReadAllText(file)))
            .Where(match => match.Groups["language"].Value == "sh")
            .SelectMany(match => match.Groups["code"].Value.Split('\n'))
            .Where(line => line.StartsWith("zeroone ", StringComparison.Ordinal))
            .Distinct(),
    ];

    [Fact]
    public void Every_command_of_the_documents_is_one_that_the_tool_understands()
    {
        var commands = Commands;
        Assert.InRange(commands.Count, 10, 100);
        Assert.All(commands, command =>
        {
            // A directive of System.CommandLine: says how it understands the words, and does nothing.
            using var process = Process.Start(new ProcessStartInfo(Tool, ["[diagram]", .. command.Split(' ')[1..]])
            {
                RedirectStandardOutput = true,
            })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"{command}: {output}");
        });
    }

    [Fact]
    public void Every_message_of_the_troubleshooting_page_is_one_of_this_code()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "troubleshooting.md"));
        var messages = Message().Matches(page).Select(match => match.Groups["message"].Value).ToArray();
        Assert.InRange(messages.Length, 15, 200);
        // Long messages are written in parts.
        var source = string.Concat(Directory.GetFiles(Path.Combine(Root, "src"), "*.cs",
            SearchOption.AllDirectories).Select(File.ReadAllText));
        source = Seam().Replace(source, "");
        Assert.All(messages, message => Assert.Contains(message, source));
    }

    [Fact]
    public void Every_error_of_the_tool_has_a_remedy_on_the_troubleshooting_page()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "troubleshooting.md"));
        var remedies = Message().Matches(page).Select(match => match.Groups["message"].Value).ToArray();
        var source = string.Concat(Directory.GetFiles(Path.Combine(Root, "src", "ZeroOneShot.Tool"), "*.cs",
            SearchOption.AllDirectories).Select(File.ReadAllText));
        var errors = Thrown().Matches(Seam().Replace(source, "")).Select(match => match.Groups["message"].Value).ToArray();
        Assert.InRange(errors.Length, 25, 200);
        Assert.All(errors, error => Assert.True(remedies.Any(remedy => error.Contains(remedy)), error));
    }

    private sealed class Row
    {
        public string ImagePath { get; set; } = "";
    }

    [GeneratedRegex(@"```(?<language>\w+)\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"FromMinutes\([\d.]+\)")]
    private static partial Regex Minutes();

    private const string Errors = "new (?:Tool|InvalidData|FileNotFound|DirectoryNotFound|Argument|Format)Exception";

    [GeneratedRegex(Errors + """
        \((?:\s*ExitCode\.\w+,)?\s*\$?"(?<message>(?:[^"\\]|\\.)*)"
        """)]
    private static partial Regex Thrown();

    // In the first column of a table, of this code and not of another's.
    [GeneratedRegex(@"(?m)^\| `(?<message>[^`]+)` \|")]
    private static partial Regex Message();

    [GeneratedRegex("""
        " \+\s+\$?"
        """)]
    private static partial Regex Seam();
}
