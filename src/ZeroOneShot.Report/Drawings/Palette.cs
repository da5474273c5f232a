using System.Text;

namespace ZeroOneShot.Report;

/// <summary>
/// The colours of drawings, charts and pages, light and dark, as one style sheet. Texts have a contrast of at least 4.5 to whatever lies
/// behind them, and lines of a chart differ in their dashes too.
/// </summary>
internal static class Palette
{
    /// <summary>How many operations have colours of their own.</summary>
    public const int Operations = 8;

    /// <summary>Steps of a heat map.</summary>
    public const int Heats = 6;

    private static readonly string[] s_lightOperations =
        ["#eceff3", "#ffe3e0", "#ffeccf", "#fff6c2", "#ddf3d8", "#d6f1f0", "#dde9ff", "#efe2fb"];

    private static readonly string[] s_darkOperations =
        ["#333a44", "#5a2f2b", "#573f1d", "#4d4617", "#2b4a29", "#1f4a4a", "#2a4169", "#47355e"];

    private static readonly string[] s_lightLines =
        ["#57606a", "#b42318", "#9a5b00", "#756400", "#2b7a1f", "#0b7285", "#1f5fbf", "#7b3fb5"];

    private static readonly string[] s_darkLines =
        ["#aab4c0", "#ff8f86", "#f0b15c", "#dccb4e", "#86d17b", "#5fd0d6", "#8fb8ff", "#cba4f5"];

    private static readonly string[] s_dashes = ["2 2", "6 3", "none", "2 2", "none", "6 3", "none", "8 3 2 3"];

    private static readonly string[] s_lightHeats = ["#f4f7fb", "#dbe8f8", "#b9d3f2", "#92bbec", "#6aa1e4", "#4f8bd6"];

    private static readonly string[] s_darkHeats = ["#1c2430", "#1f3450", "#21456f", "#22558c", "#2463a6", "#2870bd"];

    /// <summary>The style sheet of a drawing by itself.</summary>
    public static string Of(DrawingTheme theme) => theme switch
    {
        DrawingTheme.Light => Variables(dark: false, "svg") + Rules,
        DrawingTheme.Dark => Variables(dark: true, "svg") + Rules,
        DrawingTheme.Automatic => Both("svg") + Rules,
        _ => throw new ArgumentOutOfRangeException(nameof(theme), theme, "Expected Automatic, Light or Dark."),
    };

    /// <summary>Light, dark where the reader's system asks for it, and light on paper.</summary>
    public static string Both(string root) =>
        $"{Variables(dark: false, root)}@media screen and (prefers-color-scheme: dark) {{\n{Variables(dark: true, root)}}}\n";

    /// <summary>What the parts of drawings and charts look like.</summary>
    public static string Rules { get; } = MakeRules();

    private static string Variables(bool dark, string root)
    {
        var style = new StringBuilder($"{root} {{ ");
        foreach (var (name, light, darkColour) in ((string, string, string)[])[
            ("paper", "#ffffff", "#14181f"), ("panel", "#f5f7fa", "#1c222c"), ("ink", "#1b1f24", "#e8ebef"),
            ("soft", "#535c68", "#b1bac6"), ("rule", "#c9d0d9", "#3d4654"), ("link", "#0b5cad", "#8fbcff"),
            ("good", "#1d6b2e", "#86d17b"), ("bad", "#a3211a", "#ff9d94"), ("on-heat", "#10151c", "#ffffff")])
        {
            style.Append($"--{name}: {(dark ? darkColour : light)}; ");
        }
        for (var i = 0; i < Operations; i++)
            style.Append($"--o{i}: {(dark ? s_darkOperations : s_lightOperations)[i]}; --l{i}: {(dark ? s_darkLines : s_lightLines)[i]}; ");
        for (var i = 0; i < Heats; i++)
            style.Append($"--h{i}: {(dark ? s_darkHeats : s_lightHeats)[i]}; ");
        return style.Append("}\n").ToString();
    }

    private static string MakeRules()
    {
        var style = new StringBuilder("""
            svg { font-family: system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; }
            svg text { fill: var(--ink); font-size: 12px; }
            svg .title { font-size: 14px; font-weight: 600; }
            svg .soft { fill: var(--soft); }
            svg .small { font-size: 11px; }
            svg .index { font-size: 9px; }
            svg .paper { fill: var(--paper); }
            svg .line { fill: none; stroke: var(--soft); stroke-width: 1.4; }
            svg .grid { fill: none; stroke: var(--rule); stroke-width: 1; }
            svg .tip { fill: var(--soft); }
            svg .state { fill: var(--paper); stroke: var(--ink); stroke-width: 1.4; }
            svg .end { fill: var(--panel); stroke: var(--ink); stroke-width: 1.4; }
            svg .box { stroke: var(--soft); stroke-width: 1; }
            svg .gone { fill: var(--paper); stroke: var(--rule); stroke-dasharray: 3 3; }
            svg .series { fill: none; stroke-width: 2; stroke-linejoin: round; }
            svg .bar { fill: var(--h3); }
            svg text.on-heat { fill: var(--on-heat); }

            """);
        for (var i = 0; i < Operations; i++)
        {
            style.Append($"svg .o{i} {{ fill: var(--o{i}); }}\n");
            style.Append($"svg .l{i} {{ stroke: var(--l{i}); stroke-dasharray: {s_dashes[i]}; }}\n");
            style.Append($"svg .p{i} {{ fill: var(--l{i}); }}\n");
        }
        for (var i = 0; i < Heats; i++)
            style.Append($"svg .h{i} {{ fill: var(--h{i}); }}\n");
        return style.ToString();
    }
}
