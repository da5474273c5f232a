using System.CommandLine;
using System.Text;
using ZeroOneShot.ML;
using ZeroOneShot.Persistence;
using ZeroOneShot.Report;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Tool.Runs;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Draws an architecture or a mask.</summary>
internal static class DrawCommand
{
    private static readonly Argument<string> s_what = new("WHAT")
    {
        Description = "genotype.json, mask.json, importances.json, a saved model, the folder of a run, or a genotype as papers print it.",
    };

    private static readonly Option<string> s_out = new("--out", "-o")
    {
        Description = "The file to write: .svg, or .dot for Graphviz.", DefaultValueFactory = _ => "cell.svg", HelpName = "FILE",
    };

    private static readonly Option<DrawingTheme> s_theme = new("--theme")
    {
        Description = "automatic follows the reader's system.", DefaultValueFactory = _ => DrawingTheme.Automatic,
    };

    private static readonly Option<bool> s_mask = new("--mask") { Description = "Of a model or a run, the mask in place of what was " +
        "found." };

    private static readonly Option<bool> s_heatMap = new("--heat-map")
    {
        Description = "A mask as a table of edges by operations, with importances where there are any.",
    };

    public static Command Make()
    {
        var command = new Command("draw", "Draws cells as SVG, or writes them for Graphviz.") { s_what, s_out, s_theme, s_mask, s_heatMap };
        command.Does((parsed, _) =>
        {
            var (file, theme) = (parsed.GetRequiredValue(s_out), parsed.GetValue(s_theme));
            var dot = Path.GetExtension(file).ToLowerInvariant() switch
            {
                ".svg" => false,
                ".dot" or ".gv" => true,
                var other => throw new ToolException(ExitCode.Arguments, $"--out ends with '{other}'; expected .svg or .dot."),
            };
            var heatMap = parsed.GetValue(s_heatMap);
            var (genotype, mask, pruned) = ToolException.Within(ExitCode.RefusedFile,
                () => Read(parsed.GetRequiredValue(s_what), heatMap, heatMap || parsed.GetValue(s_mask)));
            var text = (genotype, mask, dot, heatMap) switch
            {
                (_, { } m, true, _) => m.ToDot(),
                (_, { } m, _, true) => pruned?.ToHeatMapSvg(theme) ?? m.ToHeatMapSvg(theme),
                (_, { } m, _, _) => m.ToSvg(theme),
                (_, _, true, _) => genotype!.ToDot(),
                _ => genotype!.ToSvg(theme),
            };
            ToolException.Within(ExitCode.Failed, () => AtomicFile.Write(file, stream => stream.Write(Encoding.UTF8.GetBytes(text))));
            Console.Out.WriteLine($"Written: {Terminal.Printable(file)}.");
            return ExitCode.Done;
        });
        return command;
    }

    private static (Genotype? Genotype, OperationMask? Mask, PruningResult? Pruned) Read(string what, bool heatMap, bool wantsMask)
    {
        if (!Path.Exists(what) && what.TrimStart() is ['G' or '|', ..])
            return (Genotype.Parse(what), null, null);
        if (Directory.Exists(what))
        {
            var folder = new RunFolder(what);
            what = heatMap && File.Exists(folder.Importances) ? folder.Importances : wantsMask ? folder.Mask : folder.Genotype;
        }
        if (!File.Exists(what))
            throw new FileNotFoundException($"There is no file '{what}'; expected a genotype, a mask or a model.");
        if (Path.GetExtension(what).Equals(".json", StringComparison.OrdinalIgnoreCase))
            return InputText.Parse(what, OfJson);
        if (Path.GetExtension(what).ToLowerInvariant() is ".txt" or "")
            return (InputText.Parse(what, Genotype.Parse), null, null);
        var info = SearchInfo.Read(what, SavedModels.SpaceOf(what));
        return !wantsMask ? (info.Genotype, null, null) : info.Mask is { } mask ? (null, mask, null) : throw new InvalidDataException(
            $"'{what}' has no mask: its genotype was given by hand. Leave --mask and --heat-map out.");
    }

    private static (Genotype?, OperationMask?, PruningResult?) OfJson(string json)
    {
        if (MaskFile.SpaceOf(json) is not { } space)
            return (Genotype.FromJson(json), null, null);
        if (!MaskFile.HasRounds(json))
            return (null, OperationMask.FromJson(json, space), null);
        var pruned = PruningResult.FromJson(json, space);
        return (null, pruned.Mask, pruned);
    }
}
