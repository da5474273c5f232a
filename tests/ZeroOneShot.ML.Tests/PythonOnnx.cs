using System.Diagnostics;
using System.Text.Json;

namespace ZeroOneShot.ML.Tests;

/// <summary>What the onnx package of Python (Debian: python3-onnx) says of a model: its checker, with shape inference.</summary>
internal static class PythonOnnx
{
    // Debian's own interpreter has Debian's package; another python3 may come first on the path.
    private static readonly Lazy<string?> s_interpreter = new(() =>
        new[] { "/usr/bin/python3", "python3" }.FirstOrDefault(python => Run(python, "import onnx").ExitCode == 0));

    private const string Check = """
        import json, sys, onnx
        from onnx import checker, shape_inference
        model = onnx.load(sys.argv[1])
        checker.check_model(model, full_check=True)
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        shape = lambda value: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        known = {v.name for v in list(inferred.graph.value_info) + list(inferred.graph.output)}
        print(json.dumps({
            "Opset": {o.domain: o.version for o in model.opset_import},
            "Input": shape(model.graph.input[0]),
            "Output": shape(inferred.graph.output[0]),
            "Metadata": {p.key: p.value for p in model.metadata_props},
            "Unknown": [o for n in model.graph.node for o in n.output if o not in known],
        }))
        """;

    public static bool IsInstalled => s_interpreter.Value is not null;

    /// <summary>Checks a model file; throws what Python says where it is not valid.</summary>
    public static Judgement Judge(string path)
    {
        var (exitCode, output, errors) = Run(s_interpreter.Value!, Check, path);
        return exitCode == 0 ? JsonSerializer.Deserialize<Judgement>(output)! : throw new InvalidDataException(errors);
    }

    private static (int ExitCode, string Output, string Errors) Run(string python, string program, params string[] arguments)
    {
        try
        {
            string[] all = ["-c", program, .. arguments];
            var start = new ProcessStartInfo(python, all) { RedirectStandardOutput = true, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, errors.Result);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (-1, "", e.Message);
        }
    }

    /// <param name="Opset">Version by domain.</param>
    /// <param name="Input">The shape, with the names of open dimensions.</param>
    /// <param name="Output">The shape that was inferred.</param>
    /// <param name="Metadata">The texts.</param>
    /// <param name="Unknown">The values whose shapes could not be inferred.</param>
    internal sealed record Judgement(
        Dictionary<string, long> Opset, JsonElement[] Input, JsonElement[] Output, Dictionary<string, string> Metadata, string[] Unknown);
}
