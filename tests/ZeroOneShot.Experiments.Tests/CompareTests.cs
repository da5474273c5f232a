using System.Diagnostics;
using System.Text.Json.Nodes;
using Xunit;
using ZeroOneShot.Tests;

namespace ZeroOneShot.Experiments.Tests;

/// <summary>The benchmark compare, in seconds in place of minutes.</summary>
public sealed class CompareTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Contenders_of_every_kind_train_in_the_same_time_and_give_a_row_a_seed_and_a_table()
    {
        foreach (var (file, seed) in (IEnumerable<(string, int)>)[("data_batch_1.bin", 1), ("test_batch.bin", 2)])
            WriteCifar(file, seed);
        var (json, seconds) = (_folder.File("rows.json"), 2);
        var (exitCode, output, errors) = Compare("--data", _folder.FullName, "--minutes", "0.033", "--seeds", "2", "--images", "100",
            "--contenders", "small-cnn", "darts-v2", "sdca", "--json", json);
        Assert.True(exitCode == 0, errors);
        var rows = JsonNode.Parse(File.ReadAllText(json))!.AsArray();
        Assert.Equal(["small-cnn 1", "darts-v2 1", "sdca 1", "small-cnn 2", "darts-v2 2", "sdca 2"],
            rows.Select(row => $"{row!["contender"]} {row["seed"]}"));
        Assert.All(rows, row => Assert.InRange(row!["accuracy"]!.GetValue<double>(), 0, 1));
        // Black and white: a linear classifier tells them apart.
        Assert.All(rows.Where(row => $"{row!["contender"]}" == "sdca"), row => Assert.Equal(1, row!["accuracy"]!.GetValue<double>()));
        Assert.All(rows.Where(row => $"{row!["contender"]}" == "small-cnn"),
            row => Assert.InRange(row!["seconds"]!.GetValue<double>(), 0.9 * seconds, double.MaxValue));
        Assert.Contains("deviation", output);
        Assert.Matches(@"sdca +100\.00 +0\.00 +2 ", output);
    }

    [Fact]
    public void Data_that_are_no_images_and_contenders_that_there_are_not_are_refused_in_a_sentence()
    {
        var (exitCode, _, errors) = Compare("--data", _folder.FullName);
        Assert.Equal(1, exitCode);
        Assert.Contains("holds neither CIFAR in the binary layout, nor IDX files, nor folders of images", errors);
        Assert.Contains("There is no folder or zip", Compare("--data", _folder.File("none")).Errors);
        Assert.Contains("'nobody'", Compare("--data", _folder.FullName, "--contenders", "nobody").Errors);
        Assert.Contains("--minutes is 0", Compare("--data", _folder.FullName, "--minutes", "0").Errors);
    }

    // Two of the ten classes: one black, one white.
    private void WriteCifar(string name, int seed)
    {
        const int Images = 200, Pixels = 3 * 32 * 32;
        using var file = File.Create(_folder.File(name));
        var random = new Random(seed);
        for (var i = 0; i < Images; i++)
        {
            file.WriteByte((byte)(i % 2));
            var pixels = new byte[Pixels];
            Array.Fill(pixels, (byte)(i % 2 == 0 ? random.Next(20) : 255 - random.Next(20)));
            file.Write(pixels);
        }
    }

    private static (int ExitCode, string Output, string Errors) Compare(params string[] arguments)
    {
        var folder = AppContext.BaseDirectory.Replace(
            Path.Combine("tests", "ZeroOneShot.Experiments.Tests"), Path.Combine("benchmarks", "ZeroOneShot.Benchmarks"));
        var start = new ProcessStartInfo("dotnet", [Path.Combine(folder, "ZeroOneShot.Benchmarks.dll"), "compare", .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
