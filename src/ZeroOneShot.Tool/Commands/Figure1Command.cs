using System.CommandLine;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Yardstick;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Figure 1 of the paper: what half of the space has to offer.</summary>
internal static class Figure1Command
{
    private static readonly Option<string> s_out = new("--out", "-o")
    {
        Description = "The folder for the figure, its numbers and a table.", DefaultValueFactory = _ => "figure1", HelpName = "DIR",
    };

    private static readonly Option<int> s_architectures = new("--architectures")
    {
        Description = "Architectures drawn from every part.", DefaultValueFactory = _ => new Figure1Options().Architectures, HelpName = "N",
    };

    private static readonly Option<string[]> s_masks = new("--mask")
    {
        Description = "mask.json files to compare with random halves, such as those of runs.", HelpName = "FILE",
    };

    private static readonly Option<long> s_seed = new("--seed") { Description = "Decides what is drawn.", HelpName = "N" };

    public static Command Make()
    {
        var command = new Command("figure1", "Draws figure 1 of the paper: predicted accuracies of architectures of the whole space, of " +
            "random halves, and of masks of your own.") { s_out, s_architectures, s_masks, s_seed };
        command.Does((parsed, stop) =>
        {
            var masks = (parsed.GetValue(s_masks) ?? []).Distinct().ToDictionary(
                file => file, file => InputText.Parse(file, text => OperationMask.FromJson(text, SearchSpace.Darts)));
            var options = new Figure1Options
            {
                Architectures = parsed.GetValue(s_architectures), Masks = masks, Seed = parsed.GetValue(s_seed),
            };
            var figure = Figure1.Measure(AccuracySurrogate.Load(), options, cancellationToken: stop.Token);
            var folder = parsed.GetRequiredValue(s_out);
            ToolException.Within(ExitCode.Failed, () => figure.Write(folder));
            Console.Out.WriteLine(figure.ToMarkdown());
            Console.Out.WriteLine($"Written to {Terminal.Printable(Path.GetFullPath(folder))}.");
            return ExitCode.Done;
        });
        return command;
    }
}
