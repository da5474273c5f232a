using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
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
            var predicted = Sample.Run("Predict", service.Run.File("model.zip"), file);
            Assert.True(predicted.ExitCode == 0, $"{predicted.ExitCode}: {predicted.Errors}");
            Assert.Equal($"{file}: {said[^1]}", predicted.Output.TrimEnd());
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

    [Theory]
    [InlineData("gif-screen8000.gif", "8000 x 8000 pixels; expected at most 8192 a side and 25 megapixels")]
    [InlineData("jpg-prog1-96.jpg", "8000 x 8000 pixels")]
    public async Task A_few_bytes_that_ask_for_much_are_refused_by_their_header(string name, string reason) =>
        await Refused(HttpStatusCode.UnprocessableEntity, File.ReadAllBytes(Case(name)), reason);

    [Fact]
    public async Task A_limit_of_pixels_can_be_set_and_a_JPEG_of_many_scans_is_refused_also_within_it()
    {
        using var running = Own("--MaxPixels", "64000000", "--DecodeSeconds", "600");
        using var client = running.Client();
        using var scans = await Post(client, File.ReadAllBytes(Case("jpg-prog1-96.jpg")));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, scans.StatusCode);
        Assert.Contains("more than 32 scans", await scans.Content.ReadAsStringAsync(Cancellation));
        using var screen = await Post(client, File.ReadAllBytes(Case("gif-screen8000.gif")));
        Assert.Equal(HttpStatusCode.OK, screen.StatusCode);
    }

    [Fact]
    public async Task An_image_that_takes_too_long_to_decode_is_given_up()
    {
        using var running = Own("--DecodeSeconds", "0.001");
        using var client = running.Client();
        using var response = await Post(client, Plain(4000));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        Assert.Contains("took more than 0.001 s to decode", await response.Content.ReadAsStringAsync(Cancellation));
    }

    [Fact]
    public async Task When_as_many_images_wait_as_may_the_next_are_told_when_to_come_again_and_small_ones_are_not_among_them()
    {
        using var running = Own("--LargeConcurrency", "1", "--LargeQueue", "0");
        using var client = running.Client();
        var large = Plain(4000);
        var small = File.ReadAllBytes(Path.Combine(service.Run.Images, service.Run.Predictions()[0].Image));
        var turnedAway = 0;
        // Whether two of them meet is not for the test to say.
        while (turnedAway == 0)
        {
            var responses = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Post(client, large)));
            using var amidst = await Post(client, small);
            Assert.Equal(HttpStatusCode.OK, amidst.StatusCode);
            foreach (var response in responses)
            {
                using (response)
                {
                    if (response.StatusCode == HttpStatusCode.OK)
                        continue;
                    Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
                    Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta);
                    turnedAway++;
                }
            }
        }
    }

    [Fact]
    public async Task Bodies_take_no_more_memory_than_they_may_short_ones_still_pass_and_what_they_held_is_free_when_they_are_gone()
    {
        using var running = Own("--MaxBytes", "100000", "--MaxBytesHeld", "200000");
        using var client = running.Client();
        var image = File.ReadAllBytes(Path.Combine(service.Run.Images, service.Run.Predictions()[0].Image));
        var slow = await SendAllButTheLast();
        try
        {
            // The two arrive at the same time; the one that finds no room is turned away, and the slow one tries again where it is.
            using var busy = await Until(HttpStatusCode.ServiceUnavailable, async () =>
            {
                if (slow.Available == 0)
                    return;
                slow.Dispose();
                slow = await SendAllButTheLast();
            });
            Assert.Equal(TimeSpan.FromSeconds(1), busy.Headers.RetryAfter?.Delta);
            using var shorter = await Post(client, image);
            Assert.Equal(HttpStatusCode.OK, shorter.StatusCode);
        }
        finally
        {
            slow.Dispose();
        }
        using var free = await Until(HttpStatusCode.UnsupportedMediaType, () => Task.CompletedTask);

        Task<TcpClient> SendAllButTheLast() => Send(running.Address, "Content-Length: 100000", new byte[99_000]);

        async Task<HttpResponseMessage> Until(HttpStatusCode status, Func<Task> otherwise)
        {
            for (var seen = new List<HttpStatusCode>(); ;)
            {
                var response = await Post(client, new byte[90_000]);
                if (response.StatusCode == status)
                    return response;
                seen.Add(response.StatusCode);
                response.Dispose();
                await otherwise();
                Assert.True(seen.Count < 2_000, $"Never {status}, but {string.Join(", ", seen.CountBy(code => code))}.");
            }
        }
    }

    [Fact]
    public async Task A_body_that_does_not_come_in_time_is_given_up()
    {
        using var running = Own("--RequestSeconds", "0.5");
        using var connection = await Send(running.Address, "Content-Length: 1000", 0xFF, 0xD8);
        var answer = await Answer(connection);
        Assert.StartsWith("HTTP/1.1 408", answer);
        Assert.Contains("took more than 0.5 s", answer);
        while (!(await running.Output.ReadLineAsync(Cancellation))!.Contains("Content root path"))
        {
        }
        // One line, and no stack trace before it.
        Assert.Matches("RequestWatch.* 408 after .* ms: The request took", await running.Output.ReadLineAsync(Cancellation));
    }

    [Theory]
    [InlineData("hello\r\n")]
    [InlineData("5\r\nhello, and more\r\n")]
    [InlineData("FFFFFFFFFFFFFFF\r\nhello")]
    public async Task A_malformed_chunk_is_a_bad_request(string body)
    {
        using var connection = await Send(service.Address, "Transfer-Encoding: chunked", Encoding.ASCII.GetBytes(body));
        Assert.StartsWith("HTTP/1.1 400", await Answer(connection));
    }

    [Fact]
    public async Task Its_health_can_be_asked_for()
    {
        using var client = service.Client();
        Assert.Equal("Healthy", await client.GetStringAsync("/health", Cancellation));
    }

    [Fact]
    public async Task Each_failure_writes_one_line_and_a_success_none()
    {
        using var running = Own();
        using var client = running.Client();
        while (!(await running.Output.ReadLineAsync(Cancellation))!.Contains("Content root path"))
        {
        }
        var image = File.ReadAllBytes(Path.Combine(service.Run.Images, service.Run.Predictions()[0].Image));
        (await Post(client, "hello"u8.ToArray())).Dispose();
        (await Post(client, image)).Dispose();
        (await Post(client, image[..(image.Length / 2)])).Dispose();
        using (var connection = await Send(running.Address, "Transfer-Encoding: chunked", [.. "hello\r\n"u8]))
            await Answer(connection);
        (await client.GetAsync("/classify", Cancellation)).Dispose();
        Assert.Matches("RequestWatch.* 415 after .* ms: The image is no image", await running.Output.ReadLineAsync(Cancellation));
        Assert.Matches("RequestWatch.* 400 after .* ms: The image is truncated", await running.Output.ReadLineAsync(Cancellation));
        Assert.Matches("RequestWatch.* 400 after .* ms: ", await running.Output.ReadLineAsync(Cancellation));
        Assert.Matches("RequestWatch.* 405 after .* ms: Method Not Allowed", await running.Output.ReadLineAsync(Cancellation));
    }

    [Fact]
    public async Task Its_meter_says_what_became_of_requests_and_what_waits_and_is_held()
    {
        var folder = Directory.CreateTempSubdirectory("zerooneshot-test-");
        try
        {
            // .NET writes the measurements of a meter to a file, as dotnet-counters would show them.
            var trace = Path.Combine(folder.FullName, "trace");
            var environment = new Dictionary<string, string?>
            {
                ["DOTNET_EnableEventPipe"] = "1",
                ["DOTNET_EventPipeOutputPath"] = trace,
                ["DOTNET_EventPipeOutputStreaming"] = "1",
                ["DOTNET_EventPipeConfig"] = "System.Diagnostics.Metrics:2:4:Metrics=PredictApi;RefreshInterval=0.1",
            };
            using var running = new RunningService(service.Run.File("model.zip"), environment);
            using var client = running.Client();
            var image = File.ReadAllBytes(Path.Combine(service.Run.Images, service.Run.Predictions()[0].Image));
            string[] expected =
            [
                "predict.requests", "outcome=200", "outcome=415", "predict.duration", "predict.waiting", "size=small", "predict.bytes_held",
            ];
            // Measurements are written at intervals.
            string written;
            do
            {
                (await Post(client, image)).Dispose();
                (await Post(client, "hello"u8.ToArray())).Dispose();
                await using var file = new FileStream(trace, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                var bytes = new MemoryStream();
                await file.CopyToAsync(bytes, Cancellation);
                // Texts begin at odd places too.
                written = Encoding.Unicode.GetString(bytes.ToArray()) + Encoding.Unicode.GetString(bytes.ToArray().AsSpan(1));
            }
            while (!expected.All(text => written.Contains(text, StringComparison.Ordinal)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact(SkipUnless = nameof(HasProcessMaps), Skip = "The folder of caches is another on other systems.")]
    public async Task It_leaves_nothing_in_the_home_of_its_user()
    {
        var home = Directory.CreateTempSubdirectory("zerooneshot-test-");
        try
        {
            var environment = new Dictionary<string, string?>
            {
                ["HOME"] = home.FullName, ["XDG_CACHE_HOME"] = null, ["ORT_DISABLE_TELEMETRY"] = null,
            };
            using (var running = new RunningService(service.Run.File("model.zip"), environment))
            using (var client = running.Client())
                await client.GetStringAsync("/classes", Cancellation);
            Assert.Empty(home.EnumerateFiles("*", SearchOption.AllDirectories));
        }
        finally
        {
            home.Delete(recursive: true);
        }
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

    private static string Case(string name) => Path.Combine(AppContext.BaseDirectory, "cases", name);

    private RunningService Own(params string[] settings) => new(service.Run.File("model.zip"), null, settings);

    /// <summary>Connects, and sends the head and the beginning of the body of a request.</summary>
    private static async Task<TcpClient> Send(Uri address, string header, params byte[] beginning)
    {
        var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, address.Port, Cancellation);
        var head = Encoding.ASCII.GetBytes($"POST /classify HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n\r\n");
        await connection.GetStream().WriteAsync((byte[])[.. head, .. beginning], Cancellation);
        return connection;
    }

    private static async Task<string> Answer(TcpClient connection)
    {
        using var reader = new StreamReader(connection.GetStream());
        return await reader.ReadToEndAsync(Cancellation);
    }

    private static async Task<HttpResponseMessage> Post(HttpClient client, byte[] body) =>
        await client.PostAsync("/classify", new ByteArrayContent(body), Cancellation);

    /// <summary>A grey picture of one colour as a PNG: little to send, much to decode.</summary>
    private static byte[] Plain(int side)
    {
        using var rows = new MemoryStream();
        using (var zip = new ZLibStream(rows, CompressionLevel.Fastest, leaveOpen: true))
        {
            var row = new byte[1 + side];
            for (var y = 0; y < side; y++)
                zip.Write(row);
        }
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, side);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), side);
        header[8] = 8;                                      // bits; colour type 0 is grey
        return
        [
            0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n', .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, rows.ToArray()), .. Chunk("IEND"u8, []),
        ];

        static byte[] Chunk(ReadOnlySpan<byte> name, byte[] content)
        {
            byte[] named = [.. name, .. content];
            var (length, check) = (new byte[4], new byte[4]);
            BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
            var crc = uint.MaxValue;
            foreach (var value in named)
            {
                crc ^= value;
                for (var bit = 0; bit < 8; bit++)
                    crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
            }
            BinaryPrimitives.WriteUInt32BigEndian(check, ~crc);
            return [.. length, .. named, .. check];
        }
    }

    private sealed record Score(string Label, [property: JsonPropertyName("score")] float Value);

    /// <summary>The service that most tests share, with the model of a run of ImageSearch.</summary>
    public sealed class Service(TinyRun run) : IDisposable
    {
        private readonly RunningService _running =
            Drained(new RunningService(run.File("model.zip"), null, "--MaxBytes", $"{10 * Megabyte}"));

        public TinyRun Run => run;

        public Uri Address => _running.Address;

        public int ProcessId => _running.ProcessId;

        public HttpClient Client() => _running.Client();

        public void Dispose() => _running.Dispose();

        private static RunningService Drained(RunningService running)
        {
            _ = running.Output.ReadToEndAsync();
            return running;
        }
    }
}
