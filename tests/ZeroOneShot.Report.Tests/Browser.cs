using System.Text.Json;
using Deque.AxeCore.Commons;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;

namespace ZeroOneShot.Report.Tests;

/// <summary>Chromium without a window, for all tests of a class.</summary>
public sealed class Browser : IDisposable
{
    private static readonly string[] s_chromium = ["/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser"];

    private readonly TemporaryFolder _folder = new();
    private readonly ChromeDriver? _driver;

    public Browser()
    {
        if (!IsInstalled)
            return;
        var options = new ChromeOptions { BinaryLocation = s_chromium.First(File.Exists) };
        options.AddArguments("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--disable-component-update", "--disable-background-networking", "--no-first-run");
        options.SetLoggingPreference(LogType.Browser, LogLevel.All);
        options.SetLoggingPreference(LogType.Performance, LogLevel.All);
        var service = ChromeDriverService.CreateDefaultService("/usr/bin", "chromedriver");
        service.SuppressInitialDiagnosticInformation = true;
        _driver = new ChromeDriver(service, options, TimeSpan.FromMinutes(3));
    }

    /// <summary>Whether Debian's packages chromium and chromium-driver are there.</summary>
    public static bool IsInstalled => File.Exists("/usr/bin/chromedriver") && s_chromium.Any(File.Exists);

    private ChromeDriver Driver => _driver ?? throw new InvalidOperationException("Chromium is not installed.");

    /// <summary>Opens a page of a certain width, light or dark.</summary>
    public void Open(string html, int width, bool dark = false, string media = "screen")
    {
        var file = _folder.File("page.html");
        File.WriteAllText(file, html);
        Driver.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride", new Dictionary<string, object?>
        {
            ["width"] = width, ["height"] = 900, ["deviceScaleFactor"] = 1, ["mobile"] = false,
        });
        Driver.ExecuteCdpCommand("Emulation.setEmulatedMedia", new Dictionary<string, object?>
        {
            ["media"] = media,
            ["features"] = new object[]
            {
                new Dictionary<string, object?> { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" },
            },
        });
        Logs(LogType.Browser);
        Logs(LogType.Performance);
        Driver.Navigate().GoToUrl(new Uri(file));
    }

    public string Title => Driver.Title;

    /// <summary>What the console got since the page was opened.</summary>
    public IReadOnlyList<string> Console => Logs(LogType.Browser);

    /// <summary>The addresses that were asked for since the page was opened, but for those inside it.</summary>
    public IReadOnlyList<string> Requests =>
    [
        .. Logs(LogType.Performance).Select(entry => JsonDocument.Parse(entry).RootElement.GetProperty("message"))
            .Where(message => message.GetProperty("method").GetString() == "Network.requestWillBeSent")
            .Select(message => message.GetProperty("params").GetProperty("request").GetProperty("url").GetString()!)
            .Where(url => !url.StartsWith("data:", StringComparison.Ordinal)),
    ];

    public T Ask<T>(string script) => (T)Driver.ExecuteScript(script)!;

    /// <summary>Presses Tab, and says what has the focus then.</summary>
    public string Tab()
    {
        new OpenQA.Selenium.Interactions.Actions(Driver).SendKeys(Keys.Tab).Perform();
        return Ask<string>("const e = document.activeElement; return e.getAttribute('aria-label') || e.textContent;");
    }

    /// <summary>What axe-core finds against the rules of WCAG 2 A and AA, a line each.</summary>
    public string Violations()
    {
        using var resource = typeof(AxeRunOptions).Assembly.GetManifestResourceStream("Deque.AxeCore.Commons.Resources.axe.min.js")!;
        Driver.ExecuteScript(new StreamReader(resource).ReadToEnd());
        Driver.Manage().Timeouts().AsynchronousJavaScript = TimeSpan.FromMinutes(3);
        return (string)Driver.ExecuteAsyncScript("""
            const done = arguments[arguments.length - 1];
            axe.run(document, { resultTypes: ['violations'] }).then(
                found => done(found.violations.map(of => of.id + ': ' + of.help + ', ' + of.nodes.length + ' times, as ' +
                    of.nodes.slice(0, 3).map(node => node.html.slice(0, 300) + ' ' + node.failureSummary).join('; ')).join('\n')),
                error => done('axe failed: ' + error));
            """)!;
    }

    /// <summary>The page as a picture, whole.</summary>
    public void Photograph(string file)
    {
        var height = Ask<long>("return document.documentElement.scrollHeight;");
        var width = Ask<long>("return window.innerWidth;");
        var shot = (Dictionary<string, object>)Driver.ExecuteCdpCommand("Page.captureScreenshot", new Dictionary<string, object?>
        {
            ["captureBeyondViewport"] = true,
            ["clip"] = new Dictionary<string, object?> { ["x"] = 0, ["y"] = 0, ["width"] = width, ["height"] = height, ["scale"] = 1 },
        })!;
        File.WriteAllBytes(file, Convert.FromBase64String((string)shot["data"]));
    }

    /// <summary>The page on paper.</summary>
    public byte[] Print() => Driver.Print(new PrintOptions()).AsByteArray;

    public void Dispose()
    {
        _driver?.Quit();
        _folder.Dispose();
    }

    private List<string> Logs(string kind) => [.. Driver.Manage().Logs.GetLog(kind).Select(entry => entry.Message)];
}
