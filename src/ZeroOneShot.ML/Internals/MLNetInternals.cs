using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;
using Microsoft.ML.Transforms.Onnx;

namespace ZeroOneShot.ML;

/// <summary>
/// Everything of ML.NET that is not public and that this assembly uses, each member with a test of its own that fails first when a new
/// version of ML.NET has moved it. A member that is gone throws <see cref="MissingMethodException"/> or <see cref="TypeLoadException"/>.
/// </summary>
internal static class MLNetInternals
{
    private const string InternalCatalog = "Microsoft.ML.Data.IInternalCatalog, Microsoft.ML.Data";
    private const string InternalEnvironment = "Microsoft.ML.Runtime.IHostEnvironmentInternal, Microsoft.ML.Core";
    private const string Cancelable = "Microsoft.ML.Runtime.ICancelable, Microsoft.ML.Core";

    // What OnnxTransformer allows a model file by default.
    private const int NestedMessages = 100;

    /// <summary>The environment behind a catalog such as <c>mlContext.Transforms</c>.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Environment")]
    public static extern IHostEnvironment Environment([UnsafeAccessorType(InternalCatalog)] object catalog);

    /// <summary>The seed of the MLContext, null where none was given.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Seed")]
    public static extern int? Seed([UnsafeAccessorType(InternalEnvironment)] object environment);

    /// <summary><see cref="MLContext.GpuDeviceId"/> as the environment knows it.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_GpuDeviceId")]
    public static extern int? GpuDeviceId([UnsafeAccessorType(InternalEnvironment)] object environment);

    /// <summary><see cref="MLContext.FallbackToCpu"/> as the environment knows it.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_FallbackToCpu")]
    public static extern bool FallbackToCpu([UnsafeAccessorType(InternalEnvironment)] object environment);

    /// <summary><see cref="MLContext.TempFilePath"/> as the environment knows it.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_TempFilePath")]
    public static extern string TemporaryFolder([UnsafeAccessorType(InternalEnvironment)] object environment);

    /// <summary>Whether the execution of the MLContext was cancelled, as AutoML does.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_IsCanceled")]
    public static extern bool IsCanceled([UnsafeAccessorType(Cancelable)] object environment);

    /// <summary>A catalog of transforms from an environment, since estimators hold no MLContext.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    public static extern TransformsCatalog Transforms(IHostEnvironment environment);

    /// <summary>The columns that a transformer makes of others.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Columns")]
    public static extern IReadOnlyCollection<(string Output, string Input)> Columns(ImageLoadingTransformer transformer);

    /// <summary>One column of an estimator's promise.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    public static extern SchemaShape.Column ShapeColumn(
        string name, SchemaShape.Column.VectorKind kind, DataViewType itemType, bool isKey, SchemaShape? annotations);

    /// <summary>A linear model with softmax from its weights, one row per class.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    public static extern MaximumEntropyModelParameters MaximumEntropyModel(
        IHostEnvironment environment, VBuffer<float>[] weights, float[] bias,
        int classes, int features, string[]? labelNames, ModelStatisticsBase? statistics);

    /// <summary>Writes an ONNX model as an OnnxTransformer writes itself that was made from a file with that model.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="model">The model; its only input and output have the names of the columns.</param>
    /// <param name="input">The column it reads.</param>
    /// <param name="output">The column it makes.</param>
    public static void SaveAsOnnxTransformer(ModelSaveContext context, byte[] model, string input, string output)
    {
        // VersionInfo is a structure that is not public, of which accessors cannot speak.
        const BindingFlags any = BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance;
        var version = Member(typeof(OnnxTransformer), "GetVersionInfo").Invoke(null, null);
        Member(typeof(ModelSaveContext), "SetVersionInfo").Invoke(context, [version]);
        SaveBinaryStream(context, "OnnxModel", writer =>
        {
            writer.Write(model.Length);
            writer.Write(model);
        });
        foreach (var name in new[] { input, output })
        {
            Writer(context).Write(1);
            SaveNonEmptyString(context, name);
        }
        Writer(context).Write(0);                                   // shapes of inputs other than the model's own
        Writer(context).Write(NestedMessages);

        static MethodInfo Member(Type type, string name) =>
            type.GetMethod(name, any) ?? throw new MissingMethodException(type.FullName, name);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void SaveBinaryStream(ModelSaveContext context, string name, Action<BinaryWriter> action);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void SaveNonEmptyString(ModelSaveContext context, string text);

    [UnsafeAccessor(UnsafeAccessorKind.Field)]
    private static extern ref BinaryWriter Writer(ModelSaveContext context);

    /// <summary>The stock transformer that makes Score and PredictedLabel with a model.</summary>
    /// <typeparam name="TModel">The model. Accessors of a generic type's constructor work only inside a generic class.</typeparam>
    public static class Multiclass<TModel>
        where TModel : class
    {
        [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
        public static extern MulticlassPredictionTransformer<TModel> Transformer(
            IHostEnvironment environment, TModel model, DataViewSchema trainSchema,
            string featureColumn, string labelColumn, string scoreColumn, string predictedLabelColumn);
    }
}
