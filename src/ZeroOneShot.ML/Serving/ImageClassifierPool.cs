using System.Buffers;
using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using Microsoft.ML.Transforms.Onnx;
using ZeroOneShot.Onnx;

namespace ZeroOneShot.ML;

/// <summary>
/// Classifies images from any number of threads at once with one model, for web services. Every way in gives the same scores for the same
/// picture; images are read by <see cref="ImageFile"/>, with its checks.
/// </summary>
/// <remarks>
/// <para>
/// Does not need libtorch, nor columns that the model was trained with but does not need to score, such as the label. A model that loads
/// images from paths is given the images in place of what its LoadImages would load.
/// </para>
/// <para>
/// All members may be called at the same time. <see cref="Dispose"/> waits for the images that are being classified; whoever still waits
/// for a turn, or comes later, gets an <see cref="ObjectDisposedException"/>.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// using var pool = ImageClassifierPool.Load("model.zip");
/// foreach (var (label, score) in pool.Classify("rose.jpg").Take(3))
///     Console.WriteLine($"{label} {score:0.000}");
/// </code>
/// </example>
public sealed class ImageClassifierPool : IDisposable
{
    private readonly ITransformer _model;
    private readonly ITransformer? _owned;
    private readonly DataViewSchema _inputSchema;
    private readonly string _scoreColumn;
    private readonly ImageReadOptions _reading;
    private readonly ConcurrentBag<ImageScorer> _scorers = [];
    private readonly int _concurrency;
    private readonly SemaphoreSlim _free;
    private readonly CancellationTokenSource _closing = new();

    /// <summary>Makes a pool over a model that others use too. The pool never disposes it.</summary>
    /// <param name="model">A model from images to scores by class.</param>
    /// <param name="inputSchema">
    /// The columns that the model was trained with; an image column may be missing. Null will do where the scores need none but the images,
    /// whichever kind of column these came in; otherwise the message says what is missing.
    /// </param>
    /// <param name="options">Settings; null: the default.</param>
    /// <exception cref="ArgumentException">A setting is out of its range, or this is no model from images to scores by class.</exception>
    public ImageClassifierPool(ITransformer model, DataViewSchema? inputSchema = null, ImageClassifierPoolOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new ImageClassifierPoolOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Concurrency, 1, nameof(options));
        ArgumentNullException.ThrowIfNull(options.Limits);
        options.Limits.Check(nameof(options.Limits));
        var background = Backgrounds.Checked(options.Background, nameof(options));
        var missing = "";
        try
        {
            var images = FromImages(model, inputSchema, options.ImageColumnName);
            (_model, _inputSchema, missing) = (images.Model, images.InputSchema, images.Missing);
            _reading = new ImageReadOptions
            {
                Limits = options.Limits,
                Background = background ?? (images.TakesAlpha ? null : Backgrounds.Default),
            };
            _scoreColumn = options.ScoreColumnName;
            var first = new ImageScorer(_model, _inputSchema, _scoreColumn);
            ClassNames = first.ClassNames;
            _scorers.Add(first);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            throw new ArgumentException($"This is no model from an image column '{options.ImageColumnName}' to scores by class in a " +
                $"column '{options.ScoreColumnName}' ({e.Message}{missing}). Give a model that begins with images or their paths, or " +
                "other names in the options.", nameof(model), e);
        }
        _concurrency = options.Concurrency;
        _free = new SemaphoreSlim(_concurrency, _concurrency);
    }

    private ImageClassifierPool(ITransformer owned, DataViewSchema inputSchema, ImageClassifierPoolOptions? options, bool _)
        : this(owned, inputSchema, options) => _owned = owned;

    /// <summary>The names of the classes, in the order of the model.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>
    /// Loads a model for this pool alone, which disposes it when it is disposed itself. First everything in the file is verified: the
    /// checksums of the zip, and that of the network if this library trained it, wherever the zip was saved since. ML.NET and ONNX Runtime
    /// verify neither when they load a model by themselves.
    /// </summary>
    /// <param name="path">A zip that <c>mlContext.Model.Save</c> wrote.</param>
    /// <param name="options">Settings; null: the default.</param>
    /// <exception cref="FileNotFoundException">There is no such file, or it is a folder.</exception>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, is no regular file, no ML.NET model, or none from images to scores by class; the message names it.
    /// </exception>
    /// <exception cref="IOException">The file, or the temporary folder, cannot be used.</exception>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public static ImageClassifierPool Load(string path, ImageClassifierPoolOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(options?.Concurrency ?? 1, 1, nameof(options));
        if (options is not null)
        {
            ArgumentNullException.ThrowIfNull(options.Limits);
            options.Limits.Check(nameof(options.Limits));
            Backgrounds.Checked(options.Background, nameof(options));
        }
        OnnxFiles.VerifyZip(path);
        var ml = new MLContext();
        // Requests keep the processors busy; threads within each would only wait for one another.
        ml.SetOnnxSessionOption(new OnnxSessionOptions { IntraOpNumThreads = 1 });
        ITransformer? model = null;
        try
        {
            (model, var inputSchema) = LoadingFolder.Use(folder =>
            {
                ml.TempFilePath = folder;
                return (ml.Model.Load(path, out var schema), schema);
            });
            return new ImageClassifierPool(model, inputSchema, options, true);
        }
        catch (Exception e)
        {
            (model as IDisposable)?.Dispose();
            // ML.NET makes whatever parts a model names, and these throw what they like. The disk's faults are not the model's.
            var reason = e is TargetInvocationException ? e.GetBaseException() : e;
            if (reason is UnauthorizedAccessException or DirectoryNotFoundException || reason.GetType() == typeof(IOException))
                throw LoadingFolder.NotWritable(reason);
            throw new InvalidDataException($"'{path}' cannot be used: {reason.Message} Save the model again.", e);
        }
    }

    /// <summary>Classifies an image file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>All classes, the most probable first.</returns>
    /// <exception cref="ImageFaultException">The file cannot be read, or the image is refused.</exception>
    public IReadOnlyList<ClassScore> Classify(string path) => WhenFree(() => ImageFile.Read(path, _reading));

    /// <summary>Classifies the content of an image file.</summary>
    /// <param name="file">The whole content.</param>
    /// <returns>All classes, the most probable first.</returns>
    /// <exception cref="ImageFaultException">The image is refused.</exception>
    public IReadOnlyList<ClassScore> Classify(ReadOnlyMemory<byte> file) => WhenFree(() => Read(new ReadOnlySequence<byte>(file)));

    /// <summary>Classifies the rest of a stream, which is read first and left open.</summary>
    /// <param name="stream">The content of an image file, up to <see cref="ImageLimits.MostBytes"/>.</param>
    /// <returns>All classes, the most probable first.</returns>
    /// <exception cref="ImageFaultException">The image is refused.</exception>
    public IReadOnlyList<ClassScore> Classify(Stream stream) => Classify(ImageFile.ReadAll(stream, most: _reading.Limits.MostBytes));

    /// <summary>Classifies an image in memory, which stays the caller's.</summary>
    /// <param name="image">An image of any size, its colours multiplied by alpha, as <see cref="MLImage"/> decodes them.</param>
    /// <returns>All classes, the most probable first.</returns>
    /// <exception cref="ImageFaultException">A pixel is brighter than its alpha.</exception>
    public IReadOnlyList<ClassScore> Classify(MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return WhenFree(() =>
        {
            Backgrounds.ThrowIfNotMultiplied(image, "The image");
            // A copy: ML.NET's ResizeImages hands on, and then disposes, an image that has the right size already.
            if (_reading.Background is not { } background)
                return MLImage.CreateFromPixels(image.Width, image.Height, image.PixelFormat, image.Pixels);
            var pixels = image.Pixels.ToArray();
            Backgrounds.LayBehind(pixels, image.PixelFormat, background);
            return MLImage.CreateFromPixels(image.Width, image.Height, image.PixelFormat, pixels);
        });
    }

    /// <summary>Classifies the content of an image file, without holding a thread while others have their turn.</summary>
    /// <param name="file">The whole content.</param>
    /// <param name="cancellationToken">Ends the waiting, and the decoding where <see cref="ImageLimits.MostTime"/> would.</param>
    /// <returns>All classes, the most probable first.</returns>
    /// <exception cref="ImageFaultException">The image is refused.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Task<IReadOnlyList<ClassScore>> ClassifyAsync(ReadOnlyMemory<byte> file, CancellationToken cancellationToken = default) =>
        ClassifyAsync(new ReadOnlySequence<byte>(file), cancellationToken);

    /// <inheritdoc cref="ClassifyAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    /// <param name="file">The whole content, in one part or several; read when its turn has come.</param>
    /// <param name="cancellationToken">Ends the waiting, and the decoding where <see cref="ImageLimits.MostTime"/> would.</param>
    public async Task<IReadOnlyList<ClassScore>> ClassifyAsync(ReadOnlySequence<byte> file, CancellationToken cancellationToken = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        try
        {
            await _free.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(ImageClassifierPool));
        }
        return Score(() => Read(file, cancellationToken));
    }

    /// <summary>
    /// Classifies the rest of a stream, which is read first and left open, without holding a thread while others have their turn.
    /// </summary>
    /// <param name="stream">The content of an image file, up to <see cref="ImageLimits.MostBytes"/>.</param>
    /// <param name="cancellationToken">Ends the reading and the waiting.</param>
    /// <returns>All classes, the most probable first.</returns>
    /// <exception cref="ImageFaultException">The image is refused.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<IReadOnlyList<ClassScore>> ClassifyAsync(Stream stream, CancellationToken cancellationToken = default) =>
        await ClassifyAsync(
            await ImageFile.ReadAllAsync(stream, _reading.Limits.MostBytes, cancellationToken).ConfigureAwait(false), cancellationToken)
            .ConfigureAwait(false);

    /// <summary>
    /// Waits for the images that are being classified, then disposes the model where <see cref="Load"/> loaded it; a model of somebody else
    /// stays as it is.
    /// </summary>
    public void Dispose()
    {
        lock (_closing)
        {
            if (_closing.IsCancellationRequested)
                return;
            _closing.Cancel();
        }
        for (var i = 0; i < _concurrency; i++)
            _free.Wait();
        foreach (var scorer in _scorers)
            scorer.Dispose();
        (_owned as IDisposable)?.Dispose();
    }

    private MLImage Read(ReadOnlySequence<byte> file, CancellationToken cancellationToken = default) =>
        ImageFile.ReadUnlessCancelled(file, "The image", _reading, cancellationToken);

    private IReadOnlyList<ClassScore> WhenFree(Func<MLImage> read)
    {
        try
        {
            _free.Wait(_closing.Token);
        }
        catch (OperationCanceledException)
        {
            throw new ObjectDisposedException(nameof(ImageClassifierPool));
        }
        return Score(read);
    }

    // Images are decoded only now, so that no more than Concurrency are in memory.
    private IReadOnlyList<ClassScore> Score(Func<MLImage> read)
    {
        try
        {
            using var image = read();
            if (!_scorers.TryTake(out var scorer))
                scorer = new ImageScorer(_model, _inputSchema, _scoreColumn);
            try
            {
                var scores = scorer.Score(image);
                return [.. ClassNames.Zip(scores, (name, score) => new ClassScore(name, score)).OrderByDescending(score => score.Score)];
            }
            finally
            {
                _scorers.Add(scorer);
            }
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>
    /// The steps of a model after those that would load images, and the columns these steps take; whether they ask for the images' alpha;
    /// and which step, the first, had to be left out for want of a schema.
    /// </summary>
    private static (ITransformer Model, DataViewSchema InputSchema, bool TakesAlpha, string Missing) FromImages(
        ITransformer model, DataViewSchema? schema, string imageColumn)
    {
        var images = new List<string>();
        var (takesAlpha, missing) = (false, "");
        // A model fitted on whole files takes images in that column once it is saved.
        var files = schema?.Where(column => !column.IsHidden && ImageColumnTransformer.HoldsFiles(column.Type)).ToList();
        if (files is [var only] && schema!.GetColumnOrNull(imageColumn) is null)
            imageColumn = only.Name;
        // What is loaded from paths must have its path column before anything else can be said of the columns.
        var current = Schema(schema, schema?.GetColumnOrNull(imageColumn) is { Type: TextDataViewType } ? [] : [imageColumn]);
        var kept = new List<ITransformer>();
        foreach (var step in Steps(model))
        {
            if (LoadedBy(step) is { Count: > 0 } loaded)
            {
                images.AddRange(loaded);
                current = Schema(current, loaded);
                continue;
            }
            DataViewSchema next;
            try
            {
                next = step.GetOutputSchema(current);
            }
            catch (ArgumentOutOfRangeException e) when (schema is null)
            {
                // It may be of no matter for the scores, as what makes the label is.
                if (missing.Length == 0)
                {
                    missing = $". {step.GetType().Name} was left out, since no inputSchema was given: {e.Message}. Give the one of the " +
                        "training data, or that of ml.Model.Load(path, out var inputSchema)";
                }
                continue;
            }
            if (step is ImagePixelExtractingTransformer)
            {
                takesAlpha |= next.Skip(current.Count).Any(
                    column => column.Type is VectorDataViewType { Dimensions: [4, _, _] or [_, _, 4] });
            }
            kept.Add(step);
            current = next;
        }
        return (new TransformerChain<ITransformer>([.. kept]),
            Schema(schema, images.Count > 0 ? images : [imageColumn]), takesAlpha, missing);
    }

    /// <summary>The image columns that a step makes of paths or of the bytes of files.</summary>
    private static IReadOnlyList<string> LoadedBy(ITransformer step) => step switch
    {
        ImageColumnTransformer images => [images.OutputColumnName],
        ImageLoadingTransformer loader => [.. MLNetInternals.Columns(loader).Select(column => column.Output)],
        _ => [],
    };

    private static DataViewSchema Schema(IEnumerable<DataViewSchema.Column>? columns, IEnumerable<string> images)
    {
        var schema = new DataViewSchema.Builder();
        foreach (var column in columns ?? [])
            schema.AddColumn(column.Name, column.Type, column.Annotations);
        foreach (var name in images)
            schema.AddColumn(name, new ImageDataViewType());
        return schema.ToSchema();
    }

    private static IEnumerable<ITransformer> Steps(ITransformer model) =>
        model is IEnumerable<ITransformer> chain ? chain.SelectMany(Steps) : [model];
}
