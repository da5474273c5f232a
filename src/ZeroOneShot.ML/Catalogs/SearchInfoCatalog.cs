using ZeroOneShot.ML;

namespace Microsoft.ML;

/// <summary>Where saved models come from, on <see cref="MLContext.Model"/>.</summary>
public static class SearchInfoCatalog
{
    /// <summary>
    /// Reads the mask, the genotype, the options and the version of this library that a model was made with, also after an application that
    /// does not know this library has loaded and saved it again. The model itself is not loaded.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="zipOrOnnx">
    /// An ML.NET model (<c>.zip</c>) or an ONNX model (<c>.onnx</c>) with a network of <see cref="CellNetTrainer"/>.
    /// </param>
    /// <param name="space">
    /// The search space. Null: the one of <see cref="ZeroOneShot.SearchSpaces.SearchSpace.All"/> that the model names.
    /// </param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">
    /// The file is neither, holds no such network, or is damaged: the network's checksum is verified, and must be there.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// The network is of another search space, also of one by the same name that was made of something else, and the message gives both; or
    /// it is of one of your own, and none is given.
    /// </exception>
    /// <exception cref="FormatException">The mask is not of this search space.</exception>
    public static SearchInfo ReadSearchInfo(
        this ModelOperationsCatalog catalog, string zipOrOnnx, ZeroOneShot.SearchSpaces.SearchSpace? space = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return SearchInfo.Read(zipOrOnnx, space);
    }
}
