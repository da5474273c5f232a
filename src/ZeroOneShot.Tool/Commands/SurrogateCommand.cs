using System.CommandLine;
using System.Globalization;
using System.Text;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Yardstick;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Says what architectures would reach, by a model of measured ones.</summary>
internal static class SurrogateCommand
{
    private static readonly Argument<string[]> s_what = new("WHAT")
    {
        Description = "genotype.json files, folders of runs, genotypes as papers print them; or one CSV or JSON file of many.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string?> s_out = new("--out", "-o")
    {
        Description = "Of a file of many: the CSV file to write, the file's columns with the predictions beside them.", HelpName = "FILE",
    };

    public static Command Make()
    {
        var command = new Command("surrogate", "Predicts the CIFAR-10 accuracy of architectures of the DARTS space with 90 % intervals, " +
            "and their percentile among random ones.") { s_what, s_out };
        command.Does((parsed, stop) =>
        {
            var surrogate = AccuracySurrogate.Load();
            var what = parsed.GetRequiredValue(s_what);
            if (what is [var table] && File.Exists(table) && !table.EndsWith("genotype.json", StringComparison.OrdinalIgnoreCase))
            {
                var predictions = ToolException.Within(ExitCode.Data,
                    () => TablePredictions.Of(surrogate, table, cancellationToken: stop.Token));
                if (parsed.GetValue(s_out) is { } file)
                {
                    ToolException.Within(ExitCode.Failed,
                        () => AtomicFile.Write(file, stream => stream.Write(Encoding.UTF8.GetBytes(predictions.ToCsv()))));
                }
                Console.Out.WriteLine(Terminal.Printable(predictions.ToString()));
                return ExitCode.Done;
            }
            foreach (var text in what)
            {
                var genotype = GenotypeText.Read(text, SearchSpace.Darts);
                var estimate = surrogate.Predict(genotype);
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{estimate.Accuracy:0.00}\t{estimate.Low:0.00}\t" +
                    $"{estimate.High:0.00}\t{surrogate.Percentile(genotype):0.0}\t{genotype}"));
                if (estimate.IsExtrapolated)
                {
                    Console.Error.WriteLine($"Warning: the prediction for {genotype} is extrapolated: two edges into a node come from " +
                        "the same input, as in none of the architectures that the surrogate knows.");
                }
            }
            return ExitCode.Done;
        });
        return command;
    }
}
