using System.Text.RegularExpressions;
using Xunit;

namespace ZeroOneShot.Extending.Tests;

public sealed partial class GuideTests
{
    [Fact]
    public void The_code_of_the_guide_is_the_code_that_these_tests_run()
    {
        var guide = Text("extending.md");
        var files = Directory.GetFiles(AppContext.BaseDirectory, "Own*.cs").Select(Path.GetFileName).Order().ToArray();
        var blocks = CodeBlock().Matches(guide);
        Assert.Equal(files, blocks.Select(block => block.Groups["file"].Value).Order());
        foreach (var block in blocks.Cast<Match>())
            Assert.Equal(Text(block.Groups["file"].Value), block.Groups["code"].Value);
        Assert.Equal(files.Length, guide.Split("```csharp").Length - 1);
    }

    [Fact]
    public void No_assembly_shows_its_internals_to_the_extensions()
    {
        var own = typeof(GuideTests).Assembly.GetName().Name;
        foreach (var assembly in (System.Reflection.Assembly[])[typeof(Layers.Layer).Assembly, typeof(ML.CellNetTrainer).Assembly])
        {
            Assert.DoesNotContain(own, assembly.GetCustomAttributes(
                typeof(System.Runtime.CompilerServices.InternalsVisibleToAttribute), inherit: false)
                .Cast<System.Runtime.CompilerServices.InternalsVisibleToAttribute>().Select(friend => friend.AssemblyName));
        }
    }

    private static string Text(string file) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, file)).ReplaceLineEndings("\n");

    // A link to the file, a blank line, and its text.
    [GeneratedRegex(@"/(?<file>Own\w+\.cs)\)[^\n]*\n\n```csharp\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();
}
