using System.Runtime.ExceptionServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using ZeroOneShot.Data;

namespace ZeroOneShot.ML;

/// <summary>Reading the rows of a data view, once, into a set of images.</summary>
internal static class LabelledImages
{
    /// <summary>Reads all rows that have a label, in order.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="options">The columns, and the scale of the pixels.</param>
    /// <param name="run">Told of rows without a label; stops at once.</param>
    /// <param name="forTraining">Whether there must be images of two classes at least.</param>
    /// <param name="weightColumn">The column with how much the images count; rows of weight 0 are left out. Null for none.</param>
    /// <param name="limits">Keeps the reading to the time and the memory of a Fit; null for no limits.</param>
    public static ImageSet Read(IDataView data, StageOptions options, StageRun run, bool forTraining = true, string? weightColumn = null,
        ReadingLimits? limits = null)
    {
        // On a thread of its own: components may hold on to a batch of rows for long, and who cancels is not to wait for them.
        var reading = Task.Run(() => ReadRows(data, options, run, forTraining, weightColumn, limits));
        Task.WaitAny([reading], run.Cancellation);
        try
        {
            return reading.GetAwaiter().GetResult();
        }
        catch (InvalidOperationException e) when (e.InnerException?.GetBaseException() is ImageFaultException fault)
        {
            // ML.NET's threads wrap what they meet; it is the image's name that tells what to do.
            ExceptionDispatchInfo.Throw(fault);
            throw;
        }
    }

    private static ImageSet ReadRows(
        IDataView data, StageOptions options, StageRun run, bool forTraining, string? weightColumn, ReadingLimits? limits)
    {
        var (featureColumn, labelColumn, scale) = (options.FeatureColumnName, options.LabelColumnName, options.PixelScale);
        var (channel, cancellationToken) = (run.Channel, run.Cancellation);
        var pixelColumn = PixelColumn.Find(data.Schema, featureColumn, channel);
        var classes = LabelColumn.Find(data.Schema, labelColumn, channel);
        WeightColumn.Check(data.Schema, weightColumn, channel);
        if (!(scale > 0 && float.IsFinite(scale)))
            throw new ArgumentException($"PixelScale is {scale}; expected a number above 0: 1 for values 0 to 255, 255 for values 0 to 1.");
        if (pixelColumn.IsByte && scale != 1)
        {
            throw new ArgumentException(
                $"PixelScale is {scale}, but column '{featureColumn}' holds bytes, which are pixel values already; leave it at 1.");
        }

        var images = new ImageBlocks(pixelColumn.Shape);
        var (labels, weights) = (new List<int>(), new List<float>());
        long row = 0, skipped = 0, without = 0;
        var (features, label) = (data.Schema[featureColumn], data.Schema[labelColumn]);
        DataViewSchema.Column? weighing = weightColumn is null ? null : data.Schema[weightColumn];
        limits?.Begin(data.GetRowCount(), Used, pixelColumn.Shape);
        using var cursor = data.GetRowCursor(weighing is { } column ? [features, label, column] : [features, label]);
        var getLabel = cursor.GetGetter<uint>(label);
        var getWeight = weighing is { } weighed ? cursor.GetGetter<float>(weighed) : null;
        var copy = pixelColumn.IsByte ? CopyBytes(cursor, features) : CopySingles(cursor, features, scale, channel);
        uint key = 0;
        float weight = 1;
        for (; cursor.MoveNext(); row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            limits?.Next(images, row);
            getLabel(ref key);
            if (key == 0 || key > classes.ClassNames.Count)
            {
                skipped++;
                continue;
            }
            if (getWeight is not null)
            {
                getWeight(ref weight);
                WeightColumn.CheckValue(weight, weightColumn!, row, channel);
                if (weight == 0)
                {
                    without++;
                    continue;
                }
                weights.Add(weight);
            }
            copy(row, images.Add());
            labels.Add((int)key - 1);
        }
        if (skipped > 0)
            run.Log.SkippedRows(skipped, row, labelColumn);
        if (without > 0)
            run.Log.LeftOutRows(without, row, weightColumn!);
        if (labels.Count == 0)
            throw channel.Process(new InvalidOperationException(
                $"Found no image with a value in the {labelColumn} column{(weightColumn is null ? "" : $" and a weight above 0 in " +
                $"{weightColumn}")} among {row} row(s); give labelled images."));
        if (forTraining && labels.Distinct().Take(2).Count() < 2)
            throw LabelColumn.OneClass(channel, labelColumn);
        return new ImageSet(
            images, [.. labels], pixelColumn.Shape, [.. classes.ClassNames], getWeight is null ? null : [.. weights]);

        // Without the pixels, which take the time.
        long Used()
        {
            var labelled = data.GetColumn<uint>(label).Select(key => key > 0 && key <= classes.ClassNames.Count);
            return weighing is not { } of ? labelled.LongCount(isUsed => isUsed)
                : labelled.Zip(data.GetColumn<float>(of)).LongCount(at => at.First && at.Second != 0);
        }
    }

    private delegate void CopyImage(long row, Span<byte> image);

    private static CopyImage CopyBytes(DataViewRowCursor cursor, DataViewSchema.Column column)
    {
        var getter = cursor.GetGetter<VBuffer<byte>>(column);
        VBuffer<byte> values = default;
        return (row, image) =>
        {
            getter(ref values);
            PixelValues.CheckCount(values.Length, image.Length, column.Name, row);
            values.CopyTo(image);
        };
    }

    private static CopyImage CopySingles(DataViewRowCursor cursor, DataViewSchema.Column column, float scale, IExceptionContext context)
    {
        var getter = cursor.GetGetter<VBuffer<float>>(column);
        VBuffer<float> values = default;
        float[]? dense = null;
        return (row, image) =>
        {
            getter(ref values);
            PixelValues.CheckCount(values.Length, image.Length, column.Name, row);
            values.CopyTo(dense ??= new float[image.Length]);
            PixelValues.Check(dense, scale, column.Name, row, context);
            for (var i = 0; i < image.Length; i++)
                image[i] = (byte)MathF.Round(dense[i] * scale);
        };
    }
}
