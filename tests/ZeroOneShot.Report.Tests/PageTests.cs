using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Xunit;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Report.Tests;

public sealed partial class PageTests
{
    [Fact]
    public void A_page_has_no_script_no_link_to_elsewhere_and_a_policy_that_forbids_them()
    {
        var html = SampleReports.Hundred.ToHtml();
        Assert.DoesNotContain("<script", html);
        Assert.DoesNotContain("<img src=x", html);
        Assert.DoesNotMatch(@"<[^>]* (on\w+|style)=", Tags(html));
        Assert.All(Address().Matches(html).Select(match => match.Groups["address"].Value),
            address => Assert.True(address.StartsWith('#') || address.StartsWith("data:image/png;base64,", StringComparison.Ordinal),
                address));
        var style = Regex.Match(html, "<style>(.*?)</style>", RegexOptions.Singleline).Groups[1].Value;
        var digest = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style)));
        Assert.Contains($"content=\"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action " +
            $"'none'\"", html);
    }

    [Fact]
    public void A_page_of_tables_shows_names_as_names_and_refuses_a_row_that_is_too_short()
    {
        var html = TablePage.Of("Table <1>", ["A note."], ["A & B failed."],
            [new PageTable("Costs", ["method", "MiB"], [["<script>", "12"]])]);
        Assert.Contains("<h1><bdi>Table &lt;1&gt;</bdi></h1>", html);
        Assert.Contains("<bdi>&lt;script&gt;</bdi></th><td class=\"number\">12</td>", html);
        Assert.Contains("A &amp; B failed.", html);
        Assert.DoesNotContain("<script", html);
        Assert.Contains("expected 2, one for every column", Assert.Throws<ArgumentException>(
            () => TablePage.Of("", [], [], [new PageTable("Costs", ["method", "MiB"], [["DARTS"]])])).Message);
    }

    [Fact]
    public void The_values_make_the_same_page_again()
    {
        foreach (var report in (RunReport[])[SampleReports.Two, SampleReports.Hundred, new() { Title = "Nothing" }])
            Assert.Equal(report.ToHtml(), RunReport.FromJson(report.ToJson()).ToHtml());
    }

    [Fact]
    public void What_is_not_known_is_said_and_what_is_known_is_shown()
    {
        var nothing = new RunReport { Title = "Nothing" }.ToHtml();
        Assert.Contains("Not known to this report: the architecture, the mask, importances of a pruning, the course of a search", nothing);
        Assert.Contains("There is nothing to show yet.", nothing);
        Assert.DoesNotContain("Not known", SampleReports.Two.ToHtml());
        var running = (SampleReports.Two with { Running = "Searching, 3 minutes left", Test = null }).ToHtml();
        Assert.Contains("Searching, 3 minutes left", running);
        Assert.DoesNotContain("Not known", running);
    }

    [Fact]
    public void The_numbers_of_a_page_are_those_of_the_predictions()
    {
        TestPrediction Of(int label, int predicted, double score) => new("x.png", label, predicted, score);
        var html = new RunReport
        {
            Title = "Counted",
            Test = new TestResults
            {
                ClassNames = ["a", "b", "c"],
                Predictions = [Of(0, 0, 0.95), Of(0, 1, 0.85), Of(1, 1, 0.85), Of(1, 1, 0.95)],
            },
        }.ToHtml();
        Assert.Contains("3 of 4 test images are right, 75.0 %. ", html);
        // Class a: precision 1, recall 1/2, F1 2/3; class b: precision 2/3, recall 1, F1 4/5; class c occurs nowhere.
        Assert.Equal(["2", "1.000", "0.500", "0.667", "1"], RowOf(html, "a"));
        Assert.Equal(["2", "0.667", "1.000", "0.800", "3"], RowOf(html, "b"));
        Assert.Equal(["0", "\u2013", "\u2013", "\u2013", "0"], RowOf(html, "c"));
        // Bins: two at 0.85, half of them right; two at 0.95, both right.
        Assert.Contains("expected calibration error 0.200", html);
    }

    [Fact]
    public void Values_that_do_not_fit_together_are_refused_with_a_sentence()
    {
        var report = SampleReports.Two;
        Refused(report with { Test = report.Test! with { Predictions = [new("x", 2, 0, 1)] } }, "A prediction is of class 2");
        Refused(report with { Test = report.Test! with { Mistakes = [new(new("x", 0, 1, 1), [1, 2])] } }, "no PNG or too large");
        byte[] large = [.. SampleReports.Png, .. new byte[1 << 16]];
        Refused(report with { Test = report.Test! with { Correct = [new(new("x", 0, 1, 1), large)] } },
            "no PNG or too large");
        Refused(report with { Mask = OperationMask.Full(SearchSpace.NasBench201) }, "The mask is of search space 'nas-bench-201'");
        Refused(report with { Space = SearchSpace.NasBench201 }, "search space 'nas-bench-201'");

        static void Refused(RunReport report, string sentence)
        {
            Assert.Contains(sentence, Assert.Throws<ArgumentException>(report.ToHtml).Message);
            Assert.Throws<ArgumentException>(report.ToJson);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"version\":1}")]
    [InlineData("{\"version\":2,\"title\":\"x\",\"space\":\"darts\"}")]
    [InlineData("{\"version\":1,\"title\":\"x\",\"space\":\"nowhere\"}")]
    [InlineData("{\"version\":1,\"title\":null,\"space\":\"darts\"}")]
    [InlineData("{\"version\":1,\"title\":\"x\",\"space\":\"darts\",\"surprise\":1}")]
    [InlineData("{\"version\":1,\"title\":\"x\",\"space\":\"darts\",\"asked\":[null]}")]
    [InlineData("{\"version\":1,\"title\":\"x\",\"space\":\"darts\",\"genotype\":\"none\"}")]
    [InlineData("{\"version\":1,\"title\":\"x\",\"space\":\"darts\",\"importances\":[{\"cell\":\"Normal\",\"edge\":99," +
        "\"operation\":\"none\",\"value\":1}]}")]
    public void A_text_that_is_no_report_is_a_format_error(string json) => Assert.Throws<FormatException>(() => RunReport.FromJson(json));

    private static string[] RowOf(string html, string name)
    {
        var table = html[html.IndexOf("<caption>Per class", StringComparison.Ordinal)..];
        var row = Regex.Match(table, $"<th scope=\"row\"[^>]*><bdi>{name}</bdi></th>(.*?)</tr>").Groups[1].Value;
        return [.. Regex.Matches(row, "<td[^>]*>(.*?)</td>").Select(match => match.Groups[1].Value)];
    }

    // The tags alone: texts may have what they like.
    private static string Tags(string html) => string.Concat(Regex.Matches(html, "<[^>]*>").Select(match =>
        Regex.Replace(match.Value, "=\"[^\"]*\"", "=\"\"").Replace("class=\"\"", "")));

    [GeneratedRegex("<[^>]* (src|href|xlink:href|action|data|poster)=\"(?<address>[^\"]*)\"")]
    private static partial Regex Address();
}
