using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;
using ZeroOneShot.Networks;
using ZeroOneShot.Onnx;
using static ZeroOneShot.Onnx.TensorProto.Types;

namespace ZeroOneShot.ML;

/// <summary>
/// From images of any size to a pixel column, Vector&lt;Single, channels, height, width&gt; of whole values from 0 to 255, made of stock
/// components of ML.NET, which is also how it is saved.
/// </summary>
/// <remarks>
/// <para>
/// The image is scaled to fit and padded with black, keeping its proportions. An image that has the size already keeps its pixels exactly.
/// Transparency is dropped. Grey is 0.30 red + 0.59 green + 0.11 blue.
/// </para>
/// <para>
/// ML.NET's ResizeImages hands on an image that has the size already, and disposes it, so that images held in memory would be gone after one
/// pass. Therefore the image is resized to one pixel more than its width, and a small ONNX model takes the last pixel column off again. (An
/// image in memory of exactly that width and height would still be disposed.) Images that are wider than high lose that column of their
/// right border.
/// </para>
/// </remarks>
public sealed class ImagePixelsEstimator : IEstimator<TransformerChain<ITransformer>>
{
    // Grey in 256ths, so that the sum is exact and equal parts of red, green and blue give just that.
    internal const int Red = 77, Green = 150, Blue = 29, Whole = 256;

    private readonly IHost _host;
    private readonly (string Output, string Input, int Height, int Width, int Channels) _options;

    /// <summary>Makes the estimator.</summary>
    /// <param name="environment">An <see cref="MLContext"/>.</param>
    /// <param name="outputColumnName">The pixel column to make.</param>
    /// <param name="inputColumnName">The image column; null: the same name.</param>
    /// <param name="height">Pixels, 16 to 64.</param>
    /// <param name="width">Pixels, 16 to 64.</param>
    /// <param name="channels">3 for red, green and blue, or 1 for grey.</param>
    /// <exception cref="ArgumentException">A number is out of its range.</exception>
    public ImagePixelsEstimator(
        IHostEnvironment environment, string outputColumnName, string? inputColumnName = null, int height = 32, int width = 32, int channels = 3)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        CheckSide(height, nameof(height));
        CheckSide(width, nameof(width));
        CheckChannels(channels);
        _host = environment.Register(nameof(ImagePixelsEstimator));
        _options = (outputColumnName, inputColumnName ?? outputColumnName, height, width, channels);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The image column is missing or of another type.</exception>
    public TransformerChain<ITransformer> Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var (output, image, height, width, channels) = _options;
        if ((input.Schema.GetColumnOrNull(image) ?? throw SchemaErrors.NotFound(_host, "image", image)) is { Type: not ImageDataViewType } wrong)
            throw WrongType(PixelColumn.Describe(wrong.Type));
        var resized = output + ".Resized";
        var extracted = output + ".Extracted";
        var transforms = MLNetInternals.Transforms(_host);
        var components = new List<ITransformer>();
        var data = input;
        Add(transforms.ResizeImages(resized, width + 1, height, image, ImageResizingEstimator.ResizingKind.IsoPad));
        Add(transforms.ExtractPixels(extracted, resized, ImagePixelExtractingEstimator.ColorBits.Rgb));
        using (var onnx = new MemoryStream(Onnx(extracted)))
            Add(Stage.OnnxTransforms(_host).ApplyOnnxModel(output, extracted, onnx));
        Add(transforms.DropColumns(resized, extracted));
        return new TransformerChain<ITransformer>([.. components]);

        void Add(IEstimator<ITransformer> estimator)
        {
            var transformer = estimator.Fit(data);
            components.Add(transformer);
            data = transformer.Transform(data);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The image column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        var image = PixelColumn.Find(inputSchema, _options.Input, "image", _host);
        if (image.ItemType is not ImageDataViewType || image.Kind != SchemaShape.Column.VectorKind.Scalar)
            throw WrongType(PixelColumn.Describe(image));
        var pixels = MLNetInternals.ShapeColumn(_options.Output, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, false, null);
        return new SchemaShape(inputSchema.Where(column => column.Name != _options.Output).Append(pixels));
    }

    internal static void CheckSide(int side, string name)
    {
        if (side is < CellNet.SmallestImage or > CellNet.LargestImage)
        {
            throw new ArgumentOutOfRangeException(name, side,
                $"The {name} is {side} pixels; expected {CellNet.SmallestImage} to {CellNet.LargestImage}, which is what a CellNet takes.");
        }
    }

    internal static void CheckChannels(int channels)
    {
        if (channels is not (1 or 3))
            throw new ArgumentOutOfRangeException(nameof(channels), channels, $"There are {channels} channels; expected 3 for colour or 1 for grey.");
    }

    private Exception WrongType(string actual) =>
        SchemaErrors.Mismatch(_host, "image", _options.Input, "Image", actual, "Make it with LoadImages, or give rows with a property of type MLImage");

    private byte[] Onnx(string input)
    {
        var (output, _, height, width, channels) = _options;
        var graph = new OnnxGraph();
        var pixels = graph.Input(input, DataType.Float, OnnxGraph.Batch, 3, height, width + 1);
        pixels = graph.Slice(pixels, [0], [width], [3]);
        if (channels == 1)
        {
            // Half a level more, then cut off, rounds.
            var grey = graph.Conv(pixels, graph.Initializer("grey", [(float)Red / Whole, (float)Green / Whole, (float)Blue / Whole], 1, 3, 1, 1),
                graph.Initializer("half", [0.5f], 1));
            pixels = graph.Cast(graph.Cast(grey, DataType.Int32), DataType.Float);
        }
        graph.Output(graph.Reshape(pixels, channels, height, width), output, DataType.Float, channels, height, width);
        using var stream = new MemoryStream();
        var version = typeof(ImagePixelsEstimator).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        graph.Write(stream, "ImagePixels", nameof(ZeroOneShot), version);
        return stream.ToArray();
    }
}
