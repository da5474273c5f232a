using ZeroOneShot.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using ZeroOneShot.Data;

namespace Microsoft.ML;

/// <summary>Image data sets, on <see cref="MLContext.Data"/>.</summary>
public static class ImageDataCatalog
{
    /// <summary>Reads CIFAR-10 (its binary version) into memory.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="path">The folder with <c>data_batch_*.bin</c> and <c>test_batch.bin</c>, or one such file.</param>
    /// <param name="part">The part to read from a folder; of no effect on one file.</param>
    /// <returns>Columns <c>Features</c> and <c>Label</c>; see <see cref="LoadImages"/>.</returns>
    /// <exception cref="FileNotFoundException">The path or the files of the part do not exist.</exception>
    /// <exception cref="InvalidDataException">A file is empty, truncated, or has a label out of range.</exception>
    /// <exception cref="IOException">A file or the folder cannot be read.</exception>
    public static IDataView LoadCifar10(this DataOperationsCatalog catalog, string path, CifarPart part = CifarPart.Train) =>
        catalog.LoadImages(CifarFiles.Read10(path, part));

    /// <summary>Reads CIFAR-100 (its binary version) into memory.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="path">The folder with <c>train.bin</c> and <c>test.bin</c>, or one such file.</param>
    /// <param name="part">The part to read from a folder; of no effect on one file.</param>
    /// <param name="coarse">Whether the labels are the 20 coarse ones; by default they are the 100 fine ones.</param>
    /// <returns>Columns <c>Features</c> and <c>Label</c>; see <see cref="LoadImages"/>.</returns>
    /// <exception cref="FileNotFoundException">The path or the file of the part does not exist.</exception>
    /// <exception cref="InvalidDataException">A file is empty, truncated, or has a label out of range.</exception>
    /// <exception cref="IOException">A file or the folder cannot be read.</exception>
    public static IDataView LoadCifar100(
        this DataOperationsCatalog catalog, string path, CifarPart part = CifarPart.Train, bool coarse = false) =>
        catalog.LoadImages(CifarFiles.Read100(path, part, coarse));

    /// <summary>Images in memory as data: made row by row from their bytes, as often as needed.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="images">The images.</param>
    /// <param name="labelColumnName">The label column, a key whose values are the class names.</param>
    /// <param name="featureColumnName">The pixel column, Vector&lt;Single, channels, height, width&gt; of values from 0 to 255.</param>
    /// <param name="exampleWeightColumnName">
    /// The column of <see cref="ImageSet.Weights"/>, a Single, which is there where the images have some.
    /// </param>
    public static IDataView LoadImages(
        this DataOperationsCatalog catalog, ImageSet images, string labelColumnName = "Label", string featureColumnName = "Features",
        string exampleWeightColumnName = "Weight")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(images);
        var schema = SchemaDefinition.Create(typeof(PixelRow));
        var shape = images.Shape;
        schema[nameof(PixelRow.Features)].ColumnType =
            new VectorDataViewType(NumberDataViewType.Single, shape.Channels, shape.Height, shape.Width);
        schema[nameof(PixelRow.Features)].ColumnName = featureColumnName;
        SetLabel(schema[nameof(PixelRow.Label)], labelColumnName, images.ClassNames);
        if (images.Weights is null)
            schema.Remove(schema[nameof(PixelRow.Weight)]);
        else
            schema[nameof(PixelRow.Weight)].ColumnName = exampleWeightColumnName;
        return catalog.LoadFromEnumerable(Rows(images), schema);
    }

    /// <summary>
    /// The images of a folder with one subfolder per class, for <see cref="ImagePixelsCatalog.ImagePixels"/>. Files are images by their
    /// ending or by how they begin (<see cref="ImageFolder.Extensions"/>); what is left out is counted in the log. Or read the images at
    /// once with <see cref="ImageFolder.Read"/>.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="path">
    /// The folder; its subfolders, in ordinal order of their names, are the classes, and the images lie directly in them.
    /// </param>
    /// <param name="check">
    /// Whether every file is decoded once now, so that one that cannot be used is named before anything is trained. Default true.
    /// </param>
    /// <returns>
    /// Columns <c>ImagePath</c> (Text, the full path), <c>Image</c> (decoded by <see cref="ImageFile"/> whenever it is asked for,
    /// transparent pixels left so) and <c>Label</c> (a key whose values are the names of the subfolders). A model fitted on <c>Image</c>
    /// takes images from anywhere once it is saved, one fitted on <c>ImagePath</c> paths only.
    /// </returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="IOException">This user may not read a folder.</exception>
    /// <exception cref="ImageFaultException">
    /// An image cannot be used (with <paramref name="check"/>). The message names the file.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// The folder has no subfolders, they are parts of the data such as <c>train</c> and <c>val</c>, or one of them has no images.
    /// </exception>
    /// <example>
    /// <code>
    /// // flowers/rose/1.jpg, flowers/rose/2.jpg, flowers/tulip/1.jpg, ...
    /// var images = new MLContext(seed: 1).Data.LoadImageFolder("flowers");
    /// </code>
    /// </example>
    public static IDataView LoadImageFolder(this DataOperationsCatalog catalog, string path, bool check = true)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        if (check)
            return catalog.LoadImageFolder(path, new ImageCheckOptions());
        var listing = ImageFolder.List(path);
        using var channel = CheckChannel(catalog);
        if (listing.OtherFiles.Count > 0)
        {
            channel.Warning(MessageSensitivity.UserData, "Found {0} images in '{1}'; left out {2}",
                listing.Files.Count, path, ImageCheckReport.Describe(listing.OtherFiles));
        }
        return Images(catalog, listing);
    }

    /// <summary>The same, with a choice of what to do about images that cannot be used. Every file is decoded once now.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="path">
    /// The folder; its subfolders, in ordinal order of their names, are the classes, and the images lie directly in them.
    /// </param>
    /// <param name="options">What to do about images that cannot be used.</param>
    /// <returns>
    /// Columns <c>ImagePath</c> (Text, the full path), <c>Image</c> (decoded by <see cref="ImageFile"/> whenever it is asked for,
    /// transparent pixels left so) and <c>Label</c> (a key whose values are the names of the subfolders). A model fitted on <c>Image</c>
    /// takes images from anywhere once it is saved, one fitted on <c>ImagePath</c> paths only.
    /// </returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="IOException">This user may not read a folder.</exception>
    /// <exception cref="ImageFaultException">
    /// An image cannot be used, and is to be neither skipped nor moved. The message names the file.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// The folder has no subfolders, they are parts of the data such as <c>train</c> and <c>val</c>, or one of them has no images that can
    /// be used.
    /// </exception>
    /// <exception cref="ArgumentException">The quarantine lies in the folder, or the background is transparent.</exception>
    public static IDataView LoadImageFolder(this DataOperationsCatalog catalog, string path, ImageCheckOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        var (listing, report) = ImageFolder.ListUsable(path, options);
        using var channel = CheckChannel(catalog);
        ImageCheck.Report(report, options, channel);
        return Images(catalog, listing);
    }

    /// <summary>
    /// Decodes every image of a column once, so that those that cannot be used are named, left out or moved away before anything is
    /// trained.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="data">Data that give the same rows in every pass.</param>
    /// <param name="imageColumnName">
    /// A column of paths (Text) or of whole files (Vector&lt;Byte&gt; of unknown size, a <c>byte[]</c> property).
    /// </param>
    /// <param name="options">What to do about images that cannot be used; null: fail at the first.</param>
    /// <returns>The rows with images that can be used, in order.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The column is missing or of another type.</exception>
    /// <exception cref="ArgumentException">There is nothing to move, or no folder to move it to.</exception>
    /// <exception cref="ImageFaultException">
    /// An image cannot be used, and is to be neither skipped nor moved. The message names it.
    /// </exception>
    public static IDataView CheckImages(
        this DataOperationsCatalog catalog, IDataView data, string imageColumnName = "ImagePath", ImageCheckOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(data);
        using var channel = CheckChannel(catalog);
        return ImageCheck.Rows(data, imageColumnName, options ?? new ImageCheckOptions(), channel);
    }

    private static IChannel CheckChannel(DataOperationsCatalog catalog) =>
        MLNetInternals.Environment(catalog).Register(nameof(CheckImages)).Start("Checking images");

    private static IDataView Images(DataOperationsCatalog catalog, ImageListing listing)
    {
        var schema = SchemaDefinition.Create(typeof(PathRow));
        SetLabel(schema[nameof(PathRow.Label)], nameof(PathRow.Label), listing.ClassNames);
        var paths = catalog.LoadFromEnumerable(
            listing.Files.Select(file => new PathRow { ImagePath = file.Path, Label = (uint)file.Label }).ToList(), schema);
        return new ImageColumnTransformer(MLNetInternals.Transforms(MLNetInternals.Environment(catalog)), paths, "Image",
            nameof(PathRow.ImagePath), copied: default, givesAway: true).Transform(paths);
    }

    internal static void SetLabel(SchemaDefinition.Column column, string name, IReadOnlyList<string> classNames)
    {
        column.ColumnName = name;
        column.ColumnType = new KeyDataViewType(typeof(uint), classNames.Count);
        column.AddAnnotation(LabelColumn.KeyValues,
            new VBuffer<ReadOnlyMemory<char>>(classNames.Count, [.. classNames.Select(className => className.AsMemory())]),
            new VectorDataViewType(TextDataViewType.Instance, classNames.Count));
    }

    // One row object serves a whole pass: the cursor copies what it reads.
    private static IEnumerable<PixelRow> Rows(ImageSet images)
    {
        var row = new PixelRow { Features = new float[images.Shape.Size] };
        for (var i = 0; i < images.Count; i++)
        {
            var pixels = images.Pixels(i);
            for (var p = 0; p < pixels.Length; p++)
                row.Features[p] = pixels[p];
            row.Label = (uint)images.Label(i);
            row.Weight = images.Weights?[i] ?? 1;
            yield return row;
        }
    }

    // LoadFromEnumerable counts keys from 0 in rows, though from 1 in the data view.
    private sealed class PixelRow
    {
        public float[] Features { get; set; } = [];

        public uint Label { get; set; }

        public float Weight { get; set; }
    }

    private sealed class PathRow
    {
        public string ImagePath { get; set; } = "";

        public uint Label { get; set; }
    }
}
