using System.Text.Json;
using ZeroOneShot.Models;
using ZeroOneShot.Onnx;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML;

/// <summary>
/// Where a trained network comes from, as it travels in the metadata of its ONNX model: on its own, or inside a saved ML.NET model, even
/// after an application that does not know this library has loaded and saved that again.
/// </summary>
/// <remarks>Metadata keys beside those of <see cref="CellNetOnnx"/>: see the constants.</remarks>
public sealed class SearchInfo
{
    /// <summary>
    /// Metadata key of the mask: JSON as <see cref="OperationMask.ToJson"/> writes it. Absent where the genotype was given by hand.
    /// </summary>
    public const string MaskKey = "mask";

    /// <summary>Metadata key of the name of the method. Absent where none was named.</summary>
    public const string MethodKey = "method";

    /// <summary>
    /// Metadata key of the settings: a JSON object with <c>train</c> and, where these stages ran, <c>prune</c>, <c>search</c> and
    /// <c>continue</c>.
    /// </summary>
    public const string SettingsKey = "settings";

    /// <summary>Metadata key of the version of this library.</summary>
    public const string LibraryVersionKey = "library_version";

    /// <summary>The architecture.</summary>
    public required Genotype Genotype { get; init; }

    /// <summary>The name of the search space of the architecture.</summary>
    public required string SearchSpace { get; init; }

    /// <summary>The operations that were searched; null where the genotype was given by hand.</summary>
    public OperationMask? Mask { get; init; }

    /// <summary>
    /// The name of the method, one of <see cref="SearchMethod.All"/> or one of the user's own; null where none was named.
    /// </summary>
    public string? Method { get; init; }

    /// <summary>The names of the classes, in the order of the scores.</summary>
    public required IReadOnlyList<string> ClassNames { get; init; }

    /// <summary>The settings of all stages, seeds among them, as JSON.</summary>
    public required string Settings { get; init; }

    /// <summary>The version of this library that trained the network.</summary>
    public required string LibraryVersion { get; init; }

    /// <summary>Reads it from a file.</summary>
    /// <param name="path">
    /// An ML.NET model (<c>.zip</c>) or an ONNX model (<c>.onnx</c>) with a network of <see cref="CellNetTrainer"/>.
    /// </param>
    /// <param name="space">
    /// The search space. Null: the one of <see cref="SearchSpaces.SearchSpace.All"/> that the model names.
    /// </param>
    /// <exception cref="FileNotFoundException">There is no such file, or it is a folder.</exception>
    /// <exception cref="InvalidDataException">
    /// The file is neither, holds no such network, or is damaged: the network's checksum is verified, and must be there.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// The network is of another search space, also of one by the same name that was made of something else, and the message gives both; or
    /// it is of one of your own, and none is given.
    /// </exception>
    /// <exception cref="FormatException">The mask is not of this search space.</exception>
    public static SearchInfo Read(string path, SearchSpaces.SearchSpace? space = null) => From(OnnxFiles.Read(path), space);

    /// <summary>Reads it from an ONNX model.</summary>
    /// <param name="onnx">The model, from its first byte to the end of the stream.</param>
    /// <param name="space">
    /// The search space. Null: the one of <see cref="SearchSpaces.SearchSpace.All"/> that the model names.
    /// </param>
    /// <exception cref="InvalidDataException">
    /// This is not an ONNX model, holds no such network, or is damaged: the network's checksum is verified, and must be there.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// The network is of another search space, also of one by the same name that was made of something else, and the message gives both; or
    /// it is of one of your own, and none is given.
    /// </exception>
    /// <exception cref="FormatException">The mask is not of this search space.</exception>
    public static SearchInfo Read(Stream onnx, SearchSpaces.SearchSpace? space = null)
    {
        ArgumentNullException.ThrowIfNull(onnx);
        return From(OnnxFiles.Read(onnx, "The stream"), space);
    }

    private static SearchInfo From(OnnxModel model, SearchSpaces.SearchSpace? space)
    {
        var (metadata, where) = (model.Texts, model.Where);
        Text(CellNetOnnx.GenotypeKey);
        model.ThrowIfWithoutChecksum();
        space = CellNetWeights.SpaceOf(metadata, space, where);
        var mask = metadata.TryGetValue(MaskKey, out var json) ? MaskOf(json) : null;
        try
        {
            return new SearchInfo
            {
                Genotype = Genotype.Parse(Text(CellNetOnnx.GenotypeKey)),
                SearchSpace = space.Name,
                Mask = mask,
                Method = metadata.GetValueOrDefault(MethodKey),
                ClassNames = JsonSerializer.Deserialize<string[]>(Text(CellNetOnnx.ClassNamesKey)) is { } names && !names.Contains(null)
                    ? names
                    : throw new InvalidDataException(
                        $"{where} has no class names in its metadata; expected a network trained by CellNetTrainer."),
                Settings = Text(SettingsKey),
                LibraryVersion = Text(LibraryVersionKey),
            };
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
        {
            throw new InvalidDataException(
                $"{where} has metadata that CellNetTrainer does not write: {e.Message} Save the model again.", e);
        }

        OperationMask MaskOf(string json)
        {
            try
            {
                return OperationMask.FromJson(json, space);
            }
            catch (FormatException e)
            {
                throw new FormatException($"{where}: {e.Message}", e);
            }
        }

        string Text(string key) => metadata.TryGetValue(key, out var text)
            ? text
            : throw new InvalidDataException(
                $"{where} holds an ONNX model without '{key}' in its metadata; expected a network trained by CellNetTrainer.");
    }
}
