using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ZeroOneShot.ML;
using ZeroOneShot.Networks;
using ZeroOneShot.Persistence;
using ZeroOneShot.Tool.Output;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Says what a saved model is.</summary>
internal static class InfoCommand
{
    private static readonly Argument<string> s_model = new("MODEL")
    {
        Description = "A saved model, model.zip or model.onnx, or the folder of a run.",
    };

    private static readonly Option<bool> s_json = new("--json") { Description = "As JSON." };

    public static Command Make()
    {
        var command = new Command("info", "Says what a saved model is: architecture, cost, classes, settings, versions, checksum.")
        {
            s_model, s_json,
        };
        command.Does((parsed, _) =>
        {
            var file = SavedModels.Zip(parsed.GetRequiredValue(s_model));
            var space = SavedModels.SpaceOf(file);
            var info = ToolException.Within(ExitCode.RefusedFile, () => SearchInfo.Read(file, space));
            var weights = SavedModels.Weights(file);
            var cost = weights.Shape is { } shape
                ? NetworkCost.Of(weights.Genotype, weights.Network, shape, weights.ClassNames.Count, space) : (NetworkCost?)null;
            var said = new Info
            {
                File = file,
                Bytes = new FileInfo(file).Length,
                Sha256 = Checksum(file),
                SearchSpace = info.SearchSpace,
                Method = info.Method,
                Genotype = info.Genotype.ToString(),
                Mask = info.Mask?.ToString(),
                Images = weights.Shape?.ToString(),
                Channels = weights.Network.Channels,
                Cells = weights.Network.Cells,
                Parameters = cost?.Parameters,
                MultiplyAdds = cost?.MultiplyAdds,
                Classes = info.ClassNames,
                LibraryVersion = info.LibraryVersion,
                Settings = JsonNode.Parse(info.Settings),
            };
            if (parsed.GetValue(s_json))
                Console.Out.WriteLine(JsonText.Indented(said));
            else
                Write(said);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Write(Info info)
    {
        Line("File", $"{info.File}, {info.Bytes:N0} bytes");
        Line("SHA-256", $"{info.Sha256}; the checksum inside is that of its content");
        Line("Found by", $"{info.Method ?? "a genotype given by hand"} in {info.SearchSpace}" +
            (info.Mask is null ? "" : $", searching {info.Mask}"));
        Line("Genotype", info.Genotype);
        Line("Network", string.Create(CultureInfo.InvariantCulture, $"{info.Channels} channels, {info.Cells} cells") +
            (info.Parameters is { } parameters
                ? string.Create(CultureInfo.InvariantCulture, $", {parameters:N0} parameters, {info.MultiplyAdds:N0} multiply-adds") : ""));
        Line("Images", info.Images ?? "unknown");
        Line("Classes", $"{info.Classes.Count}: {string.Join(", ", info.Classes)}");
        Line("Library", info.LibraryVersion);
        Line("Settings", info.Settings?.ToJsonString() ?? "");

        static void Line(string name, string value) => Console.Out.WriteLine($"{name + ":",-10} {Terminal.Printable(value)}");
    }

    /// <summary>The SHA-256 of a file.</summary>
    internal static string Checksum(string file)
    {
        using var stream = InputFile.Open(file, "a regular file");
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private sealed record Info
    {
        public required string File { get; init; }

        public required long Bytes { get; init; }

        public required string Sha256 { get; init; }

        public required string SearchSpace { get; init; }

        public required string? Method { get; init; }

        public required string Genotype { get; init; }

        public required string? Mask { get; init; }

        public required string? Images { get; init; }

        public required int Channels { get; init; }

        public required int Cells { get; init; }

        public required long? Parameters { get; init; }

        public required long? MultiplyAdds { get; init; }

        public required IReadOnlyList<string> Classes { get; init; }

        public required string LibraryVersion { get; init; }

        public required JsonNode? Settings { get; init; }
    }
}
