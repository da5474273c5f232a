using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace ZeroOneShot.ML;

/// <summary>From one image at a time to scores, on one thread at a time.</summary>
internal sealed class ImageScorer : IDisposable
{
    private readonly ImageRow _input;
    private readonly DataViewRow _output;
    private readonly ValueGetter<VBuffer<float>> _getScores;
    private VBuffer<float> _scores;

    public ImageScorer(ITransformer model, DataViewSchema inputSchema, string scoreColumn)
    {
        var mapper = model.GetRowToRowMapper(inputSchema);
        var column = mapper.OutputSchema.GetColumnOrNull(scoreColumn)
            ?? throw new ArgumentException($"The model makes no column '{scoreColumn}'.", nameof(scoreColumn));
        if (column.Type is not VectorDataViewType { IsKnownSize: true } type || type.ItemType != NumberDataViewType.Single)
            throw new ArgumentException(
                $"Column '{scoreColumn}' is {column.Type}; expected Vector<Single>, a score for each class.", nameof(scoreColumn));
        ClassNames = Names(column, type.Size);
        _input = new ImageRow(inputSchema);
        _output = mapper.GetRow(_input, [column]);
        _getScores = _output.GetGetter<VBuffer<float>>(column);
    }

    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The scores, in the order of the class names. The image stays the caller's, but may be disposed.</summary>
    public float[] Score(MLImage image)
    {
        _input.Take(image);
        _getScores(ref _scores);
        return [.. _scores.DenseValues()];
    }

    public void Dispose() => _output.Dispose();

    private static string[] Names(DataViewSchema.Column column, int count)
    {
        if (!column.HasSlotNames())
            return [.. Enumerable.Range(0, count).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    /// <summary>A row of which only the image columns can be read, and all give the same image.</summary>
    private sealed class ImageRow(DataViewSchema schema) : DataViewRow
    {
        private MLImage? _image;
        private long _position = -1;

        public override DataViewSchema Schema => schema;

        // Components compute anew when the position has changed.
        public override long Position => _position;

        public override long Batch => 0;

        public void Take(MLImage image)
        {
            _image = image;
            _position++;
        }

        public override bool IsColumnActive(DataViewSchema.Column column) => column.Type is ImageDataViewType;

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            (ValueGetter<MLImage?>)((ref MLImage? value) => value = _image) as ValueGetter<TValue>
            ?? throw new InvalidOperationException(
                $"The scores need column '{column.Name}' of {column.Type}, which an image alone does not give.");

        public override ValueGetter<DataViewRowId> GetIdGetter() =>
            (ref DataViewRowId value) => value = new DataViewRowId((ulong)_position, 0);
    }
}
