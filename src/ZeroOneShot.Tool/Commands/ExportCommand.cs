using System.CommandLine;
using ZeroOneShot.Models;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Writes the network of a saved model as an ONNX model.</summary>
internal static class ExportCommand
{
    private static readonly Argument<string> s_model = new("MODEL") { Description = "A saved model, model.zip, or the folder of a run." };

    private static readonly Option<string?> s_onnx = new("--onnx", "-o")
    {
        Description = "The ONNX file to write: pixels from 0 to 255, batch x channels x height x width, to probabilities. Default: " +
            "beside the model, with its name.",
        Arity = ArgumentArity.ZeroOrOne,
        HelpName = "FILE",
    };

    public static Command Make()
    {
        var command = new Command("export", "Writes the network of a saved model for programs without ML.NET.") { s_model, s_onnx };
        command.Does((parsed, _) =>
        {
            var model = SavedModels.Zip(parsed.GetRequiredValue(s_model));
            var file = parsed.GetValue(s_onnx) ?? Path.ChangeExtension(model, ".onnx");
            var weights = SavedModels.Weights(model);
            using var network = ToolException.Within(ExitCode.RefusedFile, () => weights.Build());
            ToolException.Within(ExitCode.Failed, () => AtomicFile.Write(file, stream =>
                CellNetOnnx.Write(network, stream, new CellNetOnnxOptions { Metadata = Own(weights.Metadata) })));
            Console.Out.WriteLine($"Written: {Output.Terminal.Printable(file)}, for images of {network.Shape} in " +
                $"{weights.ClassNames.Count} classes.");
            return ExitCode.Done;
        });
        return command;
    }

    // Where the network comes from; what is told of the network itself is written anew.
    private static Dictionary<string, string> Own(IReadOnlyDictionary<string, string> metadata) => metadata
        .Where(text => text.Key is ML.SearchInfo.MaskKey or ML.SearchInfo.MethodKey or ML.SearchInfo.SettingsKey
            or ML.SearchInfo.LibraryVersionKey)
        .ToDictionary();
}
