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
/// From images of any size and kind to a pixel column, Vector&lt;Single, channels, height, width&gt; of whole values from 0 to 255.
/// </summary>
/// <remarks>
/// <list type="table">
/// <item><term>Input</term><description>
/// Paths (Text), whole files (Vector&lt;Byte&gt; of unknown size, a <c>byte[]</c> property) or images (MLImage); the same picture gives the
/// same pixels. Paths and files are read by <see cref="ImageFile"/>: turned upright as EXIF says, and refused where truncated or too large.
/// </description></item>
/// <item><term>Output</term><description>
/// The image scaled to fit and padded with black, keeping its proportions; one that has the size already keeps its pixels exactly.
/// Transparent pixels are black. Grey is 0.30 red + 0.59 green + 0.11 blue. Of an image so long that its short side would be less than a
/// pixel, more than 33 times as wide as high at 32 x 32, nothing is left but black.
/// </description></item>
/// <item><term>Saved as</term><description>
/// Stock components of ML.NET, which take the same paths or images. They have no checks and do not look at EXIF: let an application make
/// images with <see cref="ImageFile"/> or use <see cref="ImageClassifierPool"/>. ML.NET has no component that decodes bytes: where the
/// column had files, the loaded model takes an image there.
/// </description></item>
/// </list>
/// <para>
/// ML.NET's ResizeImages hands on an image that has the size already, and disposes it, so that images held in memory would be gone after
/// one pass. Therefore the image is resized to one pixel more than its width, and a small ONNX model takes the last pixel column off again.
/// Images of just that width and height are copied first, which the saved form cannot do. Images that are wider than high lose that column
/// of their right border.
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
    /// <param name="inputColumnName">The column of images, paths or files; null: the same name.</param>
    /// <param name="height">Pixels, 16 to 64.</param>
    /// <param name="width">Pixels, 16 to 64.</param>
    /// <param name="channels">3 for red, green and blue, or 1 for grey.</param>
    /// <exception cref="ArgumentException">A number is out of its range.</exception>
    public ImagePixelsEstimator(
        IHostEnvironment environment, string outputColumnName, string? inputColumnName = null,
        int height = 32, int width = 32, int channels = 3)
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
    /// <exception cref="ArgumentOutOfRangeException">The column is missing, or of a type that holds no images.</exception>
    public TransformerChain<ITransformer> Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var (output, image, height, width, channels) = _options;
        var column = input.Schema.GetColumnOrNull(image) ?? throw SchemaErrors.NotFound(_host, "image", image);
        if (!ImageColumnTransformer.Takes(column.Type))
            throw WrongType(PixelColumn.Describe(column.Type));
        var decoded = output + ".Image";
        var resized = output + ".Resized";
        var extracted = output + ".Extracted";
        var transforms = MLNetInternals.Transforms(_host);
        var components = new List<ITransformer>();
        var images = new ImageColumnTransformer(transforms, input, decoded, image, (width + 1, height));
        components.Add(images);
        var data = images.Transform(input);
        Add(transforms.ResizeImages(resized, width + 1, height, decoded, ImageResizingEstimator.ResizingKind.IsoPad));
        Add(transforms.ExtractPixels(extracted, resized, ImagePixelExtractingEstimator.ColorBits.Rgb));
        var cut = Onnx(extracted);
        AddStep(new OnnxStep(cut, new SharedSession(cut, [3, height, width + 1], typeof(ImagePixelsEstimator)), output,
            new VectorDataViewType(NumberDataViewType.Single, channels, height, width), extracted));
        Add(transforms.DropColumns(decoded, resized, extracted));
        return new TransformerChain<ITransformer>([.. components]);

        void Add(IEstimator<ITransformer> estimator) => AddStep(estimator.Fit(data));

        void AddStep(ITransformer transformer)
        {
            components.Add(transformer);
            data = transformer.Transform(data);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The column is missing, or of a type that holds no images.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        var image = PixelColumn.Find(inputSchema, _options.Input, "image", _host);
        var takes = image.Kind switch
        {
            SchemaShape.Column.VectorKind.Scalar => image.ItemType is ImageDataViewType or TextDataViewType && !image.IsKey,
            SchemaShape.Column.VectorKind.VariableVector => image.ItemType == NumberDataViewType.Byte,
            _ => false,
        };
        if (!takes)
            throw WrongType(PixelColumn.Describe(image));
        var pixels = MLNetInternals.ShapeColumn(
            _options.Output, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, false, null);
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
        {
            throw new ArgumentOutOfRangeException(
                nameof(channels), channels, $"There are {channels} channels; expected 3 for colour or 1 for grey.");
        }
    }

    private Exception WrongType(string actual) =>
        SchemaErrors.Mismatch(_host, "image", _options.Input, "Image, Text or Vector<Byte> of unknown size", actual,
            "Give rows with a property of type MLImage, string (a path) or byte[] (a file)");

    private byte[] Onnx(string input)
    {
        var (output, _, height, width, channels) = _options;
        var graph = new OnnxGraph();
        var pixels = graph.Input(input, DataType.Float, OnnxGraph.Batch, 3, height, width + 1);
        pixels = graph.Slice(pixels, [0], [width], [3]);
        if (channels == 1)
        {
            // Half a level more, then cut off, rounds.
            var grey = graph.Conv(
                pixels, graph.Initializer("grey", [(float)Red / Whole, (float)Green / Whole, (float)Blue / Whole], 1, 3, 1, 1),
                graph.Initializer("half", [0.5f], 1));
            pixels = graph.Cast(graph.Cast(grey, DataType.Int32), DataType.Float);
        }
        graph.Output(graph.Reshape(pixels, channels, height, width), output, DataType.Float, channels, height, width);
        using var stream = new MemoryStream();
        var version = typeof(ImagePixelsEstimator).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        graph.Write(stream, "ImagePixels", nameof(ZeroOneShot), version);
        return stream.ToArray();
    }
}
