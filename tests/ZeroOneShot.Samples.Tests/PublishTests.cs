using System.Diagnostics;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using Xunit;

namespace ZeroOneShot.Samples.Tests;

public sealed class PublishTests(TinyRun run)
{
    [Fact]
    public async Task An_application_published_as_a_single_file_classifies()
    {
        var folder = Directory.CreateTempSubdirectory("zerooneshot-test-");
        try
        {
            // From bin/Release/net10.0 to the project; built to a folder of its own, away from what other tests run.
            var project = Path.GetFullPath(Path.Combine(Sample.Folder("PredictApi"), "..", "..", ".."));
            var published = Path.Combine(folder.FullName, "published");
            string[] arguments =
            [
                "publish", project, "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", "false",
                "-p:PublishSingleFile=true", "--artifacts-path", Path.Combine(folder.FullName, "built"), "-o", published, "-nologo",
                "--disable-build-servers",                      // they would stay, and keep the output open
            ];
            using (var publish = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true })!)
            {
                var output = await publish.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
                await publish.WaitForExitAsync(TestContext.Current.CancellationToken);
                Assert.True(publish.ExitCode == 0, output);
            }
            Assert.Empty(Directory.EnumerateFiles(published, "ZeroOneShot*.dll"));
            using var running = RunningService.At(Path.Combine(published, "PredictApi"), run.File("model.zip"));
            using var client = running.Client();
            var expected = run.Predictions()[0];
            using var response = await client.PostAsync("/classify",
                new ByteArrayContent(File.ReadAllBytes(Path.Combine(run.Images, expected.Image))), TestContext.Current.CancellationToken);
            var scores = await response.Content.ReadFromJsonAsync<Score[]>(TestContext.Current.CancellationToken);
            Assert.Equal(expected.Predicted, scores![0].Label);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private sealed record Score(string Label);
}
