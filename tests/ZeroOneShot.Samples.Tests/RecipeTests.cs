using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace ZeroOneShot.Samples.Tests;

public sealed partial class RecipeTests(RecipeRun run) : IClassFixture<RecipeRun>
{
    // Of three equally frequent classes.
    private const double Chance = 1 / 3.0;

    [Fact]
    public void Without_a_name_every_recipe_runs()
    {
        Assert.Equal(0, run.All.ExitCode);
        // The trainer with a budget shows its plan there, and how far it is.
        Assert.StartsWith("Zero-Shot on ", run.All.Errors);
        Assert.Equal(["pipeline", "cross-validation", "continue-training", "hand-picked-genotype", "ranking-function"],
            run.Outputs.Select(output => output.Recipe));
    }

    [Fact]
    public void A_named_recipe_runs_alone_to_the_same_end()
    {
        var result = Sample.Run("Recipes", "hand-picked-genotype");
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Equal($"== hand-picked-genotype\n{run.TextOf("hand-picked-genotype")}\n", result.Output);
    }

    [Fact]
    public void The_pipeline_finds_a_network_that_still_works_when_loaded()
    {
        var output = run.TextOf("pipeline");
        Assert.StartsWith("Genotype(normal=[(", output);
        Assert.InRange(Number(output, "Accuracy of the saved model: "), Chance + 0.1, 1);
    }

    [Fact]
    public void The_pipeline_is_the_one_of_the_readme_but_for_its_minutes()
    {
        var readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "README.md"));
        var recipe = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "PipelineInTenLines.cs"));
        var code = Regex.Match(readme, "## The pipeline\\s+```csharp\n(?<code>.*?)```", RegexOptions.Singleline).Groups["code"].Value;
        var lines = Lines(code.Replace("\"flowers\"", "\"clothes\""));
        Assert.InRange(lines.Length, 5, 10);
        Assert.Equal(lines, Lines(recipe).SkipWhile(line => line != lines[0]).Take(lines.Length));

        static string[] Lines(string code) =>
            [.. code.Split('\n')
                .Select(line => Minutes().Replace(line.Split(" //")[0], "").Trim())
                .Where(line => line != "")];
    }

    [Fact]
    public void Cross_validation_tells_every_folds_accuracy_and_network()
    {
        var output = run.TextOf("cross-validation");
        double[] folds = [.. Enumerable.Range(1, 3).Select(fold => Number(output, $"Fold {fold}: accuracy "))];
        Assert.Equal(3, output.Split("\n  normal cell ('").Length - 1);
        var mean = Number(output, "Mean accuracy: ");
        Assert.Equal(folds.Average(), mean, 0.001);
        Assert.InRange(mean, Chance + 0.1, 1);
    }

    [Fact]
    public void Training_on_lowers_the_loss_and_goes_over_to_other_classes()
    {
        var output = run.TextOf("continue-training");
        var before = Section("Trained: ", "Continued: ");
        var after = Section("Continued: ", "On other classes: ");
        Assert.Equal(["  epoch 1", "  epoch 2", "  epoch 3", "  epoch 4"], EpochsOf(before));
        Assert.Equal(["  epoch 1", "  epoch 2", "  epoch 3", "  epoch 4"], EpochsOf(after));
        Assert.InRange(Number(after, "log-loss "), 0, Number(before, "log-loss "));
        // Weights that were trained are far below the ln 3 that three classes begin with; a new classifier is not.
        var newClassifier = Number(after, "epoch 1: loss ");
        Assert.InRange(Number(before, "epoch 1: loss "), 0, newClassifier - 0.1);
        Assert.InRange(Number(after, "epoch 4: loss "), 0, newClassifier);
        Assert.InRange(Number(output, "Continued: accuracy "), Chance + 0.1, 1);
        Assert.InRange(Number(output, "On other classes: accuracy "), Chance + 0.1, 1);

        string Section(string from, string to) =>
            output[output.IndexOf(from, StringComparison.Ordinal)..output.IndexOf(to, StringComparison.Ordinal)];

        static IEnumerable<string> EpochsOf(string section) =>
            section.Split('\n').Where(line => line.StartsWith("  epoch")).Select(line => line.Split(':')[0]);
    }

    [Fact]
    public void A_genotype_given_by_hand_is_the_one_trained()
    {
        var output = run.TextOf("hand-picked-genotype");
        Assert.StartsWith("Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 1), " +
            "('sep_conv_3x3', 1), ('skip_connect', 0), ('dil_conv_3x3', 2), ('skip_connect', 0)], normal_concat=range(2, 6)", output);
        Assert.InRange(Number(output, "Accuracy: "), Chance + 0.1, 1);
        var images = output.Split('\n')[2..];
        Assert.Equal(3, images.Length);
        Assert.All(images, line =>
            Assert.Matches(@"^\d{5}\.png: (bag|sneaker|trouser) [01]\.\d{3}, (bag|sneaker|trouser) 0\.\d{3}$", line));
    }

    [Fact]
    public void Another_ranking_function_leaves_other_operations()
    {
        var lines = run.TextOf("ranking-function").Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("By nngp-correlation: 112 of 224 operations of darts, on the first edge ", lines[0]);
        Assert.StartsWith("By logit-directions: 112 of 224 operations of darts, on the first edge ", lines[1]);
        Assert.NotEqual(lines[0].Split("edge ")[1], lines[1].Split("edge ")[1]);
    }

    [Fact]
    public void The_unpacked_images_are_gone_afterwards() => Assert.Empty(run.FoldersLeft);

    [Fact]
    public void An_unknown_recipe_is_named_beside_the_known_ones_and_nothing_runs()
    {
        var result = Sample.Run("Recipes", "pipeline", "crossvalidation");
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.Equal("There is no recipe 'crossvalidation'; expected pipeline, cross-validation, continue-training, " +
            "hand-picked-genotype, ranking-function, or no name at all to run every one.", result.Errors.TrimEnd());
    }

    private static double Number(string text, string before) =>
        double.Parse(Regex.Match(text, Regex.Escape(before) + @"(?<number>\d+\.\d+)").Groups["number"].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"timeBudget: TimeSpan.From(Minutes|Seconds)\(\d+\)")]
    private static partial Regex Minutes();
}
