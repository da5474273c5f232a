using System.Drawing;
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
/// Images in memory have colours multiplied by alpha, as <see cref="MLImage"/> decodes them; others are refused.
/// </description></item>
/// <item><term>Output</term><description>
/// The image scaled to fit, keeping its proportions; one that has the size already keeps its pixels exactly. The background, white unless
/// another is chosen, lies beside the image where it does not fill the size, and behind transparent pixels. Grey is 0.30 red + 0.59 green +
/// 0.11 blue. Of an image so long that its short side would be less than a pixel, more than 33 times as wide as high at 32 x 32, nothing
/// is left but background.
/// </description></item>
/// <item><term>Saved as</term><description>
/// Stock components of ML.NET, background included, which take what the column had when it was fitted: images, or paths; not both. Fit on
/// images to classify what comes from anywhere. ML.NET has no component that decodes bytes: where the column had files, the loaded model
/// takes an image there. They have no checks and do not look at EXIF: let an application make images with <see cref="ImageFile"/> or use
/// <see cref="ImageClassifierPool"/>, which takes everything, whatever the model was fitted on.
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

    private const string Missing = "LoadImageFolder makes 'Image' and 'ImagePath'. ML.NET's Cache and ShuffleRows leave image columns " +
        "out: do these after ImagePixels, or give it the paths";

    private readonly IHost _host;
    private readonly (string Output, string Input, int Height, int Width, int Channels, Color Background) _options;

    /// <summary>Makes the estimator.</summary>
    /// <param name="environment">An <see cref="MLContext"/>.</param>
    /// <param name="outputColumnName">The pixel column to make.</param>
    /// <param name="inputColumnName">The column of images, paths or files; null: the same name.</param>
    /// <param name="height">Pixels, 16 to 256.</param>
    /// <param name="width">Pixels, 16 to 256.</param>
    /// <param name="channels">3 for red, green and blue, or 1 for grey.</param>
    /// <param name="background">The colour behind and beside images, without transparency; null: white.</param>
    /// <exception cref="ArgumentException">A number is out of its range, or the background is transparent.</exception>
    public ImagePixelsEstimator(
        IHostEnvironment environment, string outputColumnName, string? inputColumnName = null,
        int height = 32, int width = 32, int channels = 3, Color? background = null)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        CheckSide(height, nameof(height));
        CheckSide(width, nameof(width));
        CheckChannels(channels);
        _host = environment.Register(nameof(ImagePixelsEstimator));
        var colour = Backgrounds.Checked(background, nameof(background)) ?? Backgrounds.Default;
        _options = (outputColumnName, inputColumnName ?? outputColumnName, height, width, channels, colour);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The column is missing, or of a type that holds no images.</exception>
    public TransformerChain<ITransformer> Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var (output, image, height, width, channels, _) = _options;
        var column = input.Schema.GetColumnOrNull(image) ?? throw SchemaErrors.NotFound(_host, "image", image, Missing);
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
        Add(transforms.ExtractPixels(extracted, resized, ImagePixelExtractingEstimator.ColorBits.All,
            ImagePixelExtractingEstimator.ColorsOrder.ARGB));
        var composed = Onnx(extracted);
        AddStep(new OnnxStep(composed, new SharedSession(composed, [4, height, width + 1], typeof(ImagePixelsEstimator)), output,
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
        var image = PixelColumn.Find(inputSchema, _options.Input, "image", _host, Missing);
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
                $"The {name} is {side} pixels; expected {CellNet.SmallestImage} to {CellNet.LargestImage}, which is what networks take.");
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
        var (output, _, height, width, channels, background) = _options;
        var graph = new OnnxGraph();
        var pixels = graph.Input(input, DataType.Float, OnnxGraph.Batch, 4, height, width + 1);         // alpha, red, green, blue
        pixels = graph.Slice(pixels, [0], [width], [3]);
        // Backgrounds.Over: colour - background x alpha / 255 + background. Half a level more, then cut off, rounds.
        float[] behind = [background.R, background.G, background.B];
        var over = graph.Conv(
            pixels, graph.Initializer("over", [.. behind.SelectMany((level, c) => Weights(level, c))], 3, 4, 1, 1),
            graph.Initializer("background", [.. behind.Select(level => level + 0.5f)], 3));
        pixels = graph.Min(
            graph.Cast(graph.Cast(over, DataType.Int32), DataType.Float), graph.Initializer("white", [255f], 1, 1, 1, 1));
        if (channels == 1)
        {
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

        static float[] Weights(float level, int channel)
        {
            var weights = new float[4];
            (weights[0], weights[1 + channel]) = (-level / 255, 1);
            return weights;
        }
    }
}
