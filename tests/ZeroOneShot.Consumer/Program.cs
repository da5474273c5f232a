// Loads a model, scores data, evaluates, saves the model again, and prints what it saw as JSON.
// Arguments: model.zip, data.idv (features and label), the zip to write.
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;

var ml = new MLContext(seed: 1);
var model = ml.Model.Load(args[0], out var inputSchema);
var scored = model.Transform(ml.Data.LoadFromBinary(args[1]));
VBuffer<ReadOnlyMemory<char>> slotNames = default;
scored.Schema["Score"].GetSlotNames(ref slotNames);
var metrics = ml.MulticlassClassification.Evaluate(scored, topKPredictionCount: 2);
ml.Model.Save(model, inputSchema, args[2]);
var names = ml.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel").Fit(scored).Transform(scored);
Console.WriteLine(JsonSerializer.Serialize(new
{
    PredictedLabelType = scored.Schema["PredictedLabel"].Type.ToString(),
    SlotNames = slotNames.DenseValues().Select(name => name.ToString()).ToArray(),
    Scores = scored.GetColumn<float[]>("Score").ToArray(),
    Labels = names.Schema["Name"].Type.RawType switch
    {
        var type when type == typeof(int) => names.GetColumn<int>("Name").Select(name => name.ToString()).ToArray(),
        var type when type == typeof(float) => names.GetColumn<float>("Name").Select(name => name.ToString()).ToArray(),
        _ => names.GetColumn<string>("Name").ToArray(),
    },
    metrics.MicroAccuracy,
    metrics.LogLoss,
    Assemblies = AppDomain.CurrentDomain.GetAssemblies().Select(assembly => assembly.GetName().Name).ToArray(),
}));
(model as IDisposable)?.Dispose();
