using System.Text;
using Xunit;

namespace ZeroOneShot.Report.Tests;

/// <summary>Pages as a browser shows them. Set <c>REPORT_PICTURES</c> to a folder to keep what it shows, and look at it.</summary>
public sealed class BrowserTests(Browser browser) : IClassFixture<Browser>
{
    private const string NoBrowser = "Needs Debian's chromium and chromium-driver (apt-get install chromium chromium-driver).";

    public static bool IsInstalled => Browser.IsInstalled;

    public static TheoryData<string, int, bool> Views => new()
    {
        { "two", 400, false }, { "two", 1600, true }, { "hundred", 400, true }, { "hundred", 1600, false },
    };

    [Theory(SkipUnless = nameof(IsInstalled), Skip = NoBrowser)]
    [MemberData(nameof(Views))]
    public void A_page_is_readable_asks_for_nothing_and_runs_nothing(string which, int width, bool dark)
    {
        var report = which == "two" ? SampleReports.Two : SampleReports.Hundred;
        browser.Open(report.ToHtml(), width, dark);
        Assert.Empty(browser.Console);
        Assert.StartsWith("file://", Assert.Single(browser.Requests));
        Assert.Equal(report.Title, browser.Title);
        Assert.True(browser.Ask<bool>("return document.documentElement.scrollWidth <= window.innerWidth;"), "the page scrolls sideways");
        Assert.Equal("", browser.Violations());
        // Every picture has words.
        Assert.Equal(0, browser.Ask<long>("""
            return [...document.querySelectorAll('svg, img')].filter(of => of.getAttribute('aria-hidden') !== 'true' &&
                !(of.getAttribute('alt') || of.getAttribute('aria-label'))).length;
            """));
        Keep($"{which}-{width}-{(dark ? "dark" : "light")}.png");
    }

    [Fact(SkipUnless = nameof(IsInstalled), Skip = NoBrowser)]
    public void The_keyboard_goes_through_a_page_from_top_to_bottom()
    {
        browser.Open(SampleReports.Two.ToHtml(), 1200);
        Assert.Equal("To the content", browser.Tab());
        foreach (var heading in (string[])["What was found", "What was asked, and how it went", "How good it is"])
            Assert.Equal(heading, browser.Tab());
        var before = -1.0;
        for (var i = 0; i < 12; i++)
        {
            browser.Tab();
            var top = Convert.ToDouble(browser.Ask<object>("return document.activeElement.getBoundingClientRect().top + window.scrollY;"));
            Assert.True(top >= before - 1, $"the focus goes up, from {before} to {top}");
            before = top;
        }
    }

    [Fact(SkipUnless = nameof(IsInstalled), Skip = NoBrowser)]
    public void On_paper_a_page_is_dark_on_white_and_nothing_is_cut_off()
    {
        browser.Open(SampleReports.Hundred.ToHtml(), 1000, dark: true, media: "print");
        Assert.Equal("rgb(255, 255, 255)", browser.Ask<string>("return getComputedStyle(document.body).backgroundColor;"));
        Assert.Equal("none", browser.Ask<string>("return getComputedStyle(document.querySelector('nav')).display;"));
        Assert.True(browser.Ask<bool>("""
            return [...document.querySelectorAll('.scroll')].every(of => getComputedStyle(of).overflowX === 'visible');
            """));
        browser.Open(SampleReports.Twenty.ToHtml(), 718, media: "print");
        Assert.True(browser.Ask<bool>("return document.documentElement.scrollWidth <= window.innerWidth;"), "wider than paper");
        browser.Open(SampleReports.Hundred.ToHtml(), 1000, dark: true, media: "print");
        var pdf = browser.Print();
        Assert.Equal("%PDF", Encoding.ASCII.GetString(pdf, 0, 4));
        if (Folder is { } folder)
            File.WriteAllBytes(Path.Combine(folder, "hundred.pdf"), pdf);
    }

    private static string? Folder => Environment.GetEnvironmentVariable("REPORT_PICTURES");

    private void Keep(string name)
    {
        if (Folder is { } folder)
            browser.Photograph(Path.Combine(folder, name));
    }
}
