using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json.Nodes;
using Xunit;

namespace ZeroOneShot.Docs.Tests;

/// <summary>The commands of docs, one after the other as a reader types them, with plans of seconds in place of minutes.</summary>
public sealed class CommandTests : IDisposable
{
    private const int OfEachClass = 10, OfCifar = 4;

    private static readonly string[] s_classes = ["bag", "sneaker", "trouser"];

    private readonly string _folder = Directory.CreateTempSubdirectory("zerooneshot-test-").FullName;

    [Fact]
    public void The_commands_of_the_documents_run()
    {
        var files = Images();
        Cifar();
        var commands = DocumentTests.Commands;
        Assert.Contains(commands, command => command.StartsWith("zeroone fit", StringComparison.Ordinal));
        foreach (var command in commands)
        {
            string[] words = [.. command.Split(' ')[1..]];
            if (words is ["fit", var data, ..])
                words = Quick(words, data == "flowers" ? "flowers" : "cifar");
            if (words[0] == "figure1")
                words = [.. words, "--architectures", "200"];
            // Another preset, and one method in place of eight.
            if (words[0] == "table1")
                words = [.. words.Select((word, i) => words[i - (i > 0 ? 1 : 0)] switch
                {
                    "--preset" => "smoke", "--seeds" => "1", _ => word,
                }), "--methods", "Zero-One-Shot-RND"];
            if (words.Contains("--watch"))
                Watch(words);
            else
                Run(command, words, words.Contains("-") ? files : "");
        }
        foreach (var left in (string[])["out/report.html", "cells.svg", "importances.svg", "held-out.html", "plan.json", "figure1"])
            Assert.True(Path.Exists(Path.Combine(_folder, left)), left);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Run(string command, string[] words, string input)
    {
        using var process = Start(words);
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{command}: {process.ExitCode} {errors.Result}");
    }

    private void Watch(string[] words)
    {
        using var process = Start(words);
        try
        {
            Assert.Contains("http://127.0.0.1:", process.StandardOutput.ReadLine());
        }
        finally
        {
            process.Kill();
        }
    }

    private Process Start(string[] words) => Process.Start(new ProcessStartInfo(DocumentTests.Tool, words)
    {
        WorkingDirectory = _folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
    })!;

    // The same words, but for a plan in place of the minutes.
    private string[] Quick(string[] words, string data)
    {
        var method = Array.IndexOf(words, "--method") is >= 0 and var at ? words[at + 1] : "Zero-One-Shot-RND";
        var file = $"{data}-{method}.json";
        File.WriteAllText(Path.Combine(_folder, file), Plan(method, isCifar: data != "flowers"));
        return [.. words.Select((word, i) => word == "--minutes" ? "--plan"
            : i > 0 && words[i - 1] is "--minutes" or "--plan" ? file : word)];
    }

    private static string Plan(string method, bool isCifar)
    {
        // Of every class a fifth is tested on, where there is no test part, and a tenth of the rest validated with.
        var (train, validation, classes) = isCifar ? (36, 4, 10) : (22, 2, s_classes.Length);
        var stages = new JsonArray();
        string[] names = method == "Zero-One-Shot" ? ["prune", "search", "train"] : ["search", "train"];
        foreach (var stage in names)
        {
            stages.Add(new JsonObject
            {
                ["stage"] = stage, ["channels"] = 4, ["cells"] = 3, ["batch_size"] = isCifar ? 16 : 8,
                ["epochs"] = stage == "prune" ? 1 : 2,
                ["images"] = stage == "prune" ? 16 : train, ["time"] = "00:00:03", ["memory"] = 250_000_000,
            });
        }
        return new JsonObject
        {
            ["version"] = 1,
            ["plan"] = new JsonObject
            {
                ["time_budget"] = "00:00:15", ["max_memory"] = 2_000_000_000, ["method"] = method, ["train_images"] = train,
                ["validation_images"] = validation,
                ["shape"] = new JsonObject { ["channels"] = 3, ["height"] = 32, ["width"] = 32 },
                ["classes"] = classes, ["stages"] = stages, ["around"] = "00:00:03",
            },
        }.ToJsonString();
    }

    // Those of a reader: flowers, held-out and incoming, and two by themselves.
    private string Images()
    {
        using var zip = ZipFile.OpenRead(Path.Combine(AppContext.BaseDirectory, "fashion-mnist-small.zip"));
        foreach (var name in s_classes)
        {
            foreach (var (i, image) in zip.Entries.Where(of => of.FullName.StartsWith($"train/{name}/", StringComparison.Ordinal))
                .Take(OfEachClass + 3).Index())
            {
                var folder = i < OfEachClass ? $"flowers/{name}" : i < OfEachClass + 2 ? $"held-out/{name}" : "incoming";
                Directory.CreateDirectory(Path.Combine(_folder, folder));
                image.ExtractToFile(Path.Combine(_folder, folder, $"{name}-{i}.png"));
            }
        }
        foreach (var name in (string[])["rose.jpg", "tulip.jpg"])
            File.Copy(Path.Combine(_folder, "incoming", $"bag-{OfEachClass + 2}.png"), Path.Combine(_folder, name));
        return "rose.jpg\ntulip.jpg\n";
    }

    private void Cifar()
    {
        const int RecordBytes = 1 + 3 * 32 * 32;
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "cifar-10-batches-bin")).FullName;
        foreach (var file in (string[])["data_batch_1.bin", "test_batch.bin"])
        {
            var records = new byte[10 * OfCifar * RecordBytes];
            new Random(1).NextBytes(records);
            for (var i = 0; i < 10 * OfCifar; i++)
                records[i * RecordBytes] = (byte)(i % 10);
            File.WriteAllBytes(Path.Combine(folder, file), records);
        }
    }
}
