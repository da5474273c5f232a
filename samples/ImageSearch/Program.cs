// Finds and trains a network for the images of clothes that come with the repository, within a minute or
// as many as its one argument says, and saves it as an ML.NET model with a report beside it: model.zip and report.html. For other images,
// and for everything to choose, there is the tool:
// dotnet run -c Release --project src/ZeroOneShot.Tool -- fit --help
using System.Globalization;
using ImageSearch;
using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.Report;

var minutes = args is [var text] ? double.Parse(text, CultureInfo.InvariantCulture) : 1;
using var clothes = new ClothesFolder();
var ml = new MLContext(seed: 1);
IDataView train = ml.Data.LoadImageFolder(clothes.Train), test = ml.Data.LoadImageFolder(clothes.Test);

var pipeline = ml.Transforms.ImagePixels("Features", "Image", height: 32, width: 32, channels: 1)
    .Append(ml.MulticlassClassification.Trainers.ZeroOneShot(timeBudget: TimeSpan.FromMinutes(minutes)));
using var model = pipeline.Fit(train);
Console.WriteLine(model.LastTransformer.Report);
Console.WriteLine(model.LastTransformer.Genotype);

var metrics = ml.MulticlassClassification.Evaluate(model.Transform(test));
Console.WriteLine($"Accuracy on {test.GetColumn<uint>("Label").Count()} other images: {metrics.MicroAccuracy:0.000}");

ml.Model.Save(model, train.Schema, "model.zip");
File.WriteAllText("report.html", new RunReport
{
    Title = "Clothes",
    Genotype = model.LastTransformer.Genotype,
    Mask = model.LastTransformer.Mask,
    RankedCandidates = model.LastTransformer.Report!.Ranked?.Candidates ?? [],
    TrainingEpochs = model.LastTransformer.Epochs,
}.ToHtml());
