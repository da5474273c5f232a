using System.Diagnostics;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;
using ZeroOneShot.Data;
using ZeroOneShot.Models;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML;

/// <summary>
/// A trained network as a transformer: from pixels to <c>Score</c>, one probability per class under its name, and <c>PredictedLabel</c>, a
/// key with the values of the training label.
/// </summary>
/// <remarks>
/// It is saved as ordinary components of ML.NET, an OnnxTransformer with the network and a multiclass head: a saved model needs
/// Microsoft.ML, Microsoft.ML.OnnxTransformer and Microsoft.ML.OnnxRuntime, and neither TorchSharp nor this library. Scoring and saving
/// write no temporary file. Dispose the transformer to free its ONNX session.
/// </remarks>
public sealed class CellNetTransformer : ITransformer, IDisposable
{
    // Columns that live only between the components; a dot keeps them apart from column names one would choose.
    private const string Logits = "CellNet.Logits";
    private const string SpareLabel = "CellNet.PredictedLabel";
    private const string EarlierScore = "CellNet.EarlierScore";

    // What the stock head calls its scores; it cannot be told another name.
    internal const string Score = "Score";

    private const int TimedImages = 21;

    private readonly NetworkCost _cost;
    private readonly TransformerChain<ITransformer> _components;
    private readonly byte[] _onnx;
    private readonly SharedSession _batches;
    private readonly IHost _host;
    private readonly PixelColumn _pixels;
    private readonly PixelCheck? _check;
    private bool _disposed;

    internal CellNetTransformer(IHost host, IDataView data, TrainedCellNet trained, Description description)
    {
        Genotype = trained.Network.Genotype;
        _cost = NetworkCost.Of(
            Genotype, trained.Network.Options, trained.Shape, trained.ClassNames.Count, trained.Network.Plan.Space);
        Mask = description.Mask;
        Method = description.Method;
        FeatureColumnName = description.FeatureColumnName;
        ClassNames = trained.ClassNames;
        Epochs = trained.Epochs;
        (Report, Temperature) = (description.Report, trained.Temperature);
        (BestEpoch, DivergedEpoch) = (trained.BestEpoch, trained.DivergedEpoch);
        Weights = trained.Weights(Metadata(description));
        var form = new CellNetOnnxOptions
        {
            InputName = description.FeatureColumnName,
            ByteInput = description.ByteInput,
            InputScale = description.InputScale,
            OutputName = description.ScoreColumnName,
            Metadata = Metadata(description),
        };
        _onnx = Onnx(trained, form);
        var logits = form with { OutputName = Logits, Softmax = false };
        _batches = new SharedSession(Onnx(trained, logits), Sizes(trained.Shape), typeof(CellNetTransformer));
        var network = new OnnxStep(Onnx(trained, logits with { FlattenOutput = true }), _batches, Logits,
            new VectorDataViewType(NumberDataViewType.Single, trained.ClassNames.Count), description.FeatureColumnName);
        _components = Components(host, data, description, network, trained.ClassNames);
        _host = host;
        _pixels = new PixelColumn(description.FeatureColumnName, trained.Shape, description.ByteInput);
        _check = description.ByteInput ? null : new PixelCheck(description.FeatureColumnName, description.InputScale, host);
    }

    /// <summary>The architecture.</summary>
    public Genotype Genotype { get; }

    /// <summary>The operations that were searched; null where the genotype was given by hand.</summary>
    public OperationMask? Mask { get; }

    /// <summary>
    /// The name of the method that was followed, one of <see cref="SearchMethod.All"/> or one of the user's own; null where none was named.
    /// </summary>
    public string? Method { get; }

    /// <summary>The name of the pixel column.</summary>
    public string FeatureColumnName { get; }

    /// <summary>The names of the classes, in the order of the scores.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The course of the training.</summary>
    public IReadOnlyList<TrainingEpoch> Epochs { get; }

    /// <summary>
    /// The epoch, from 1, whose weights were kept because its validation was the best; null where the last weights were kept.
    /// </summary>
    public int? BestEpoch { get; }

    /// <summary>
    /// The epoch, from 1, in which the training diverged, so that it went back to <see cref="BestEpoch"/>; null where it did not.
    /// </summary>
    public int? DivergedEpoch { get; }

    /// <summary>
    /// What the logits were divided by so that probabilities are as high as they turn out right on the validation images
    /// (<see cref="TrainingOptions.TemperatureScaling"/>); null where they were not.
    /// </summary>
    public double? Temperature { get; }

    /// <summary>
    /// How <see cref="ZeroOneShotTrainer"/> found and trained the network, its plan beside what happened; null where
    /// <see cref="CellNetTrainer"/> trained it.
    /// </summary>
    public FitReport? Report { get; }

    /// <summary>
    /// The weights, to train on from (<see cref="CellNetTrainer.Options.ContinueFrom"/>) or to save for that purpose. A saved ML.NET model
    /// holds them too, all but those of the auxiliary head.
    /// </summary>
    public CellNetWeights Weights { get; }

    /// <summary>Always true.</summary>
    public bool IsRowToRowMapper => true;

    /// <summary>The schema with the columns of scores and predicted label.</summary>
    /// <param name="inputSchema">A schema with the pixel column.</param>
    /// <exception cref="ArgumentOutOfRangeException">The pixel column is missing or of another type.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        _pixels.ThrowIfOther(inputSchema, _host);
        return _components.GetOutputSchema(inputSchema);
    }

    /// <summary>
    /// Scores data, lazily. A cursor reads rows ahead, 16 for every processor, and scores them in batches on all processors, with the
    /// scores that rows by themselves get; but row by row, as a loaded model does, where an image column is asked for along with the
    /// scores. Values that are no pixel values (NaN, infinite, out of range, or scaled from 0 to 1 where training was not) end the reading
    /// with an <see cref="InvalidOperationException"/>, as in training; a saved model scores them without a word.
    /// </summary>
    /// <param name="input">Data with the pixel column.</param>
    /// <exception cref="ArgumentOutOfRangeException">The pixel column is missing or of another type.</exception>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        ObjectDisposedException.ThrowIf(_disposed, this);
        _pixels.ThrowIfOther(input.Schema, _host);
        return _components.Skip(1).Aggregate(LogitsOf(input), (data, component) => component.Transform(data));
    }

    /// <summary>The data with the column of logits that the head makes scores of.</summary>
    internal IDataView LogitsOf(IDataView input)
    {
        var pixels = _check?.Transform(input) ?? input;
        return new BatchedLogits(pixels, _components.First().Transform(pixels), pixels.Schema[FeatureColumnName], Logits, _batches);
    }

    /// <summary>The same for single rows, with the same check of their values.</summary>
    /// <param name="inputSchema">A schema with the pixel column.</param>
    /// <exception cref="ArgumentOutOfRangeException">The pixel column is missing or of another type.</exception>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        ObjectDisposedException.ThrowIf(_disposed, this);
        _pixels.ThrowIfOther(inputSchema, _host);
        ITransformer steps = _check is null ? _components : new TransformerChain<ITransformer>(_check, _components);
        return steps.GetRowToRowMapper(inputSchema);
    }

    /// <summary>
    /// What it costs to classify an image, on this machine: classifies images of one colour, one by one, some 20 times.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public InferenceCost MeasureCost()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var session = _batches.Take();
        try
        {
            var times = new List<double>();
            for (var i = 0; i < TimedImages; i++)
            {
                var start = Stopwatch.GetTimestamp();
                if (_pixels.IsByte)
                    _batches.Compute(session, new byte[_pixels.Shape.Size], 1);
                else
                    _batches.Compute(session, new float[_pixels.Shape.Size], 1);
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
            return new InferenceCost(_cost.Parameters, _cost.MultiplyAdds, _onnx.Length, times.Order().ElementAt(TimedImages / 2));
        }
        finally
        {
            _batches.Release();
        }
    }

    /// <summary>The classes of a prediction with their scores, the highest first.</summary>
    /// <param name="scores">The Score column of one row.</param>
    /// <param name="count">How many classes to give; all by default.</param>
    /// <exception cref="ArgumentException">There are more or fewer scores than classes.</exception>
    public IReadOnlyList<ClassScore> GetClassScores(ReadOnlySpan<float> scores, int count = int.MaxValue) =>
        ScoreColumns.Sort(ClassNames, scores, count);

    /// <summary>
    /// Writes the network as an ONNX model (opset 17) for use without ML.NET: input as the pixel column, batch x channels x height x width,
    /// any batch; output probabilities, batch x classes. The normalisation is inside. Metadata: see <see cref="SearchInfo"/>.
    /// </summary>
    /// <param name="stream">Where to; left open.</param>
    public void ExportOnnx(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(_onnx);
    }

    /// <summary>Writes the network as an ONNX model to a file, whole or not at all.</summary>
    /// <param name="path">The file to write or replace.</param>
    /// <inheritdoc cref="ExportOnnx(Stream)"/>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void ExportOnnx(string path) => AtomicFile.Write(path, ExportOnnx);

    /// <summary>
    /// Frees the ONNX session. Cursors that are reading scores in batches can be read to their end; afterwards only
    /// <see cref="ExportOnnx(Stream)"/> can be used: views made earlier cannot be read, and prediction engines give no more scores.
    /// </summary>
    public void Dispose()
    {
        _disposed = true;
        _components.Dispose();
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ((ICanSaveModel)_components).Save(ctx);
    }

    private static byte[] Onnx(TrainedCellNet trained, CellNetOnnxOptions form)
    {
        using var stream = new MemoryStream();
        CellNetOnnx.Write(trained, stream, form);
        return stream.ToArray();
    }

    private static int[] Sizes(ImageShape shape) => [shape.Channels, shape.Height, shape.Width];

    private static Dictionary<string, string> Metadata(Description description)
    {
        var metadata = new Dictionary<string, string> { [SearchInfo.SettingsKey] = description.Settings };
        if (description.Mask is not null)
            metadata[SearchInfo.MaskKey] = description.Mask.ToJson();
        if (description.Method is not null)
            metadata[SearchInfo.MethodKey] = description.Method;
        metadata[SearchInfo.LibraryVersionKey] =
            typeof(CellNetTransformer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        return metadata;
    }

    private static TransformerChain<ITransformer> Components(
        IHost host, IDataView data, Description description, OnnxStep network, IReadOnlyList<string> classNames)
    {
        var transforms = MLNetInternals.Transforms(host);
        var components = new List<ITransformer> { network };
        data = network.Transform(data);
        try
        {
            // Dropping the head's scores, by their name, would drop these too.
            var keepsEarlier = description.ScoreColumnName != Score && data.Schema.GetColumnOrNull(Score) is not null;
            if (keepsEarlier)
                Add(transforms.CopyColumns(EarlierScore, Score));
            var label = data.Schema[description.LabelColumnName];
            AddHead(label.Type, LabelColumn.KeyValuesOf(label), description.PredictedLabelColumnName);
            var spare = new List<string> { Logits };
            if (!HasTextValues(label))
            {
                // The stock head names its scores only after texts. So a second head, whose label has the names as texts,
                // makes the scores anew.
                AddHead(label.Type, TextValues(classNames), SpareLabel);
                spare.Add(SpareLabel);
            }
            if (description.ScoreColumnName != Score)
            {
                Add(transforms.CopyColumns(description.ScoreColumnName, Score));
                spare.Add(Score);
            }
            Add(transforms.DropColumns([.. spare]));
            if (keepsEarlier)
            {
                Add(transforms.CopyColumns(Score, EarlierScore));
                Add(transforms.DropColumns(EarlierScore));
            }
            return new TransformerChain<ITransformer>([.. components]);
        }
        catch
        {
            foreach (var component in components.OfType<IDisposable>())
                component.Dispose();
            throw;
        }

        void Add(IEstimator<ITransformer> estimator)
        {
            var transformer = estimator.Fit(data);
            components.Add(transformer);
            data = transformer.Transform(data);
        }

        void AddHead(DataViewType labelType, DataViewSchema.Annotations labelAnnotations, string predictedLabel)
        {
            var schema = new DataViewSchema.Builder();
            schema.AddColumn(Logits, new VectorDataViewType(NumberDataViewType.Single, classNames.Count));
            schema.AddColumn(description.LabelColumnName, labelType, labelAnnotations);
            var head = MLNetInternals.Multiclass<MaximumEntropyModelParameters>.Transformer(
                host, Softmax(host, classNames.Count), schema.ToSchema(), Logits, description.LabelColumnName, Score, predictedLabel);
            components.Add(head);
            data = head.Transform(data);
        }
    }

    /// <summary>A linear model that passes the logits on as they are, to its softmax.</summary>
    private static MaximumEntropyModelParameters Softmax(IHost host, int classes)
    {
        var identity = Enumerable.Range(0, classes).Select(c => new VBuffer<float>(classes, 1, [1f], [c])).ToArray();
        return MLNetInternals.MaximumEntropyModel(host, identity, new float[classes], classes, classes, null, null);
    }

    private static bool HasTextValues(DataViewSchema.Column label) =>
        label.Annotations.Schema.GetColumnOrNull(LabelColumn.KeyValues)?.Type is VectorDataViewType { ItemType: TextDataViewType };

    private static DataViewSchema.Annotations TextValues(IReadOnlyList<string> classNames)
    {
        var values = new VBuffer<ReadOnlyMemory<char>>(classNames.Count, [.. classNames.Select(name => name.AsMemory())]);
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(LabelColumn.KeyValues, new VectorDataViewType(TextDataViewType.Instance, classNames.Count),
            (ref VBuffer<ReadOnlyMemory<char>> value) => values.CopyTo(ref value));
        return annotations.ToAnnotations();
    }

    /// <summary>What the transformer is to know beside the network.</summary>
    internal sealed record Description
    {
        public required string FeatureColumnName { get; init; }

        public required string LabelColumnName { get; init; }

        public required string ScoreColumnName { get; init; }

        public required string PredictedLabelColumnName { get; init; }

        public required bool ByteInput { get; init; }

        public required float InputScale { get; init; }

        public required OperationMask? Mask { get; init; }

        public required string? Method { get; init; }

        public required string Settings { get; init; }

        public FitReport? Report { get; init; }
    }
}
