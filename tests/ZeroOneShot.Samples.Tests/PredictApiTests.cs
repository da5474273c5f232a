using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Serialization;
using Xunit;

namespace ZeroOneShot.Samples.Tests;

public sealed class PredictApiTests(PredictApiTests.Service service) : IClassFixture<PredictApiTests.Service>
{
    private const int Megabyte = 1_000_000;

    // 16 x 8 pixels: a grey slope from left to right, white in the upper left.
    private static readonly byte[] s_lyingJpeg = Convert.FromBase64String(
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8yb" +
        "qmx5moq6T/wAALCAAIABABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAAAwT/xAAdEAABAgcAAAAAAAAAAAAAAAAABBEGEhMkQYPB/9oACAEBAAA/" +
        "AKE8S1mtJdj8FQYP/9k=");

    public static bool HasProcessMaps => OperatingSystem.IsLinux();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Eight_clients_with_two_hundred_requests_get_the_labels_that_the_training_process_gave()
    {
        var expected = service.Run.Predictions();
        Assert.Equal(20, expected.Length);
        var files = expected.Select(prediction => File.ReadAllBytes(Path.Combine(service.Run.Images, prediction.Image))).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async which =>
        {
            using var client = service.Client();
            for (var i = 0; i < 25; i++)
            {
                var image = (i + which * 3) % files.Length;
                using var response = await client.PostAsync("/classify", new ByteArrayContent(files[image]), Cancellation);
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                var scores = (await response.Content.ReadFromJsonAsync<Score[]>(Cancellation))!;
                Assert.Equal(10, scores.Length);
                Assert.Equal(scores.OrderByDescending(score => score.Value), scores);
                Assert.Equal(expected[image].Predicted, scores[0].Label);
                Assert.Equal(expected[image].Score, scores[0].Value, 1e-5);
            }
        }));
    }

    [Fact]
    public async Task A_photograph_that_the_camera_stored_on_its_side_is_the_same_to_Predict_and_to_the_service_and_not_the_same_as_lying()
    {
        var (lying, upright) = (Path.Combine(service.Run.Images, "lying.jpg"), Path.Combine(service.Run.Images, "upright.jpg"));
        File.WriteAllBytes(lying, s_lyingJpeg);
        // EXIF, big-endian: one entry, the orientation (274), which is 6: the stored first row is the visual right side.
        byte[] exif = [.. "Exif\0\0MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
        File.WriteAllBytes(upright, [.. s_lyingJpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. s_lyingJpeg[2..]]);
        var said = new List<string>();
        foreach (var file in new[] { lying, upright })
        {
            using var client = service.Client();
            using var response = await client.PostAsync("/classify", new ByteArrayContent(File.ReadAllBytes(file)), Cancellation);
            var best = (await response.Content.ReadFromJsonAsync<Score[]>(Cancellation))!.Take(3);
            said.Add(string.Join(", ", best.Select(
                score => string.Create(CultureInfo.InvariantCulture, $"{score.Label} {score.Value:0.00000}"))));
            Assert.Equal($"{file}: {said[^1]}", Sample.Run("Predict", service.Run.File("model.zip"), file).Output.TrimEnd());
        }
        Assert.NotEqual(said[0], said[1]);
    }

    [Fact]
    public async Task What_is_no_image_is_an_unsupported_media_type()
    {
        await Refused(HttpStatusCode.UnsupportedMediaType, "hello"u8.ToArray(), "is no image that can be decoded");
        await Refused(HttpStatusCode.UnsupportedMediaType, [], "is no image that can be decoded");
    }

    [Fact]
    public async Task A_truncated_image_is_a_bad_request()
    {
        var image = File.ReadAllBytes(Path.Combine(service.Run.Images, service.Run.Predictions()[0].Image));
        await Refused(HttpStatusCode.BadRequest, image[..(image.Length / 2)], "is truncated");
    }

    [Fact]
    public async Task An_image_bomb_cannot_be_processed()
    {
        // The header of a PNG of 60,000 x 60,000 pixels, and no pixel: 14 GB, were it decoded.
        byte[] bomb =
        [
            0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n', 0, 0, 0, 13, .. "IHDR"u8, 0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60, 8, 6, 0, 0, 0,
            0x80, 0xD2, 0x75, 0x42, 0, 0, 0, 0, .. "IDAT"u8, 0x35, 0xAF, 0x06, 0x1E, 0, 0, 0, 0, .. "IEND"u8, 0xAE, 0x42, 0x60, 0x82,
        ];
        await Refused(HttpStatusCode.UnprocessableEntity, bomb, "is 60000 x 60000 pixels; expected at most 8192 a side");
    }

    [Fact]
    public async Task A_body_of_a_hundred_megabytes_is_refused_before_it_is_sent()
    {
        // By hand: no byte of the announced body follows, and still the answer comes.
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, service.Address.Port, Cancellation);
        await using var stream = connection.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: {100 * Megabyte}\r\nConnection: close\r\n\r\n"), Cancellation);
        using var reader = new StreamReader(stream);
        Assert.StartsWith("HTTP/1.1 413", await reader.ReadLineAsync(Cancellation));

        using var client = service.Client();
        client.DefaultRequestHeaders.ExpectContinue = true;
        using var response = await client.PostAsync("/classify", new ByteArrayContent(new byte[100 * Megabyte]), Cancellation);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task A_body_of_unknown_length_is_refused_when_it_has_grown_too_long()
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, service.Address.Port, Cancellation);
        await using var stream = connection.GetStream();
        await stream.WriteAsync(
            "POST /classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"u8.ToArray(),
            Cancellation);
        byte[] chunk = [.. Encoding.ASCII.GetBytes($"{Megabyte:x}\r\n"), .. new byte[Megabyte], .. "\r\n"u8];
        // One megabyte over the limit, and no end of the body.
        for (var i = 0; i < 11; i++)
            await stream.WriteAsync(chunk, Cancellation);
        using var reader = new StreamReader(stream);
        Assert.StartsWith("HTTP/1.1 413", await reader.ReadLineAsync(Cancellation));
    }

    [Fact]
    public async Task The_class_names_can_be_asked_for()
    {
        using var client = service.Client();
        var names = await client.GetFromJsonAsync<string[]>("/classes", Cancellation);
        Assert.Equal(10, names!.Length);
        Assert.Contains(service.Run.Predictions()[0].Label, names);
    }

    [Fact]
    public void Without_a_model_it_says_so_and_ends()
    {
        var none = Sample.Run("PredictApi");
        Assert.Equal(2, none.ExitCode);
        Assert.Contains("--model model.zip", none.Errors);
        var missing = Sample.Run("PredictApi", "--model", "/no/model.zip");
        Assert.Equal(1, missing.ExitCode);
        Assert.Contains("/no/model.zip", missing.Errors);
    }

    [Fact(SkipUnless = nameof(HasProcessMaps), Skip = "Needs /proc.")]
    public async Task It_runs_without_libtorch()
    {
        await The_class_names_can_be_asked_for();
        Assert.DoesNotContain("torch", File.ReadAllText($"/proc/{service.ProcessId}/maps"), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Directory.EnumerateFiles(Sample.Folder("PredictApi"), "*torch_cpu*", SearchOption.AllDirectories), _ => true);
    }

    private async Task Refused(HttpStatusCode status, byte[] body, string reason)
    {
        using var client = service.Client();
        using var response = await client.PostAsync("/classify", new ByteArrayContent(body), Cancellation);
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains(reason, await response.Content.ReadAsStringAsync(Cancellation));
    }

    private sealed record Score(string Label, [property: JsonPropertyName("score")] float Value);

    /// <summary>The sample as a process of its own, with the model of a run of ImageSearch.</summary>
    public sealed class Service : IDisposable
    {
        private readonly Process _process;

        public Service(TinyRun run)
        {
            Run = run;
            _process = Sample.Start("PredictApi",
                "--model", Run.File("model.zip"), "--urls", "http://127.0.0.1:0", "--MaxBytes", $"{10 * Megabyte}");
            // "Now listening on: http://127.0.0.1:40123"
            const string Announcement = "Now listening on: ";
            for (string? line; (line = _process.StandardOutput.ReadLine()) is not null;)
            {
                if (line.Contains(Announcement))
                {
                    Address = new Uri(line[(line.IndexOf(Announcement, StringComparison.Ordinal) + Announcement.Length)..]);
                    _ = _process.StandardOutput.ReadToEndAsync();
                    _ = _process.StandardError.ReadToEndAsync();
                    return;
                }
            }
            throw new InvalidOperationException(_process.StandardError.ReadToEnd());
        }

        public TinyRun Run { get; }

        public Uri Address { get; } = null!;

        public int ProcessId => _process.Id;

        public HttpClient Client() => new() { BaseAddress = Address };

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
