using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using SkiaSharp;
using Spectre.Console;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// How long small pictures take in samples/PredictApi: alone, among senders of pictures that ask for much, and among clients that send long
/// bodies slowly; and the memory that the service takes. Everything happens on this machine, and ends after a given number of requests or
/// a minute.
/// </summary>
internal static class ServiceLoad
{
    private const string Alone = "alone";

    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(1);

    public static void Run(FileInfo service, FileInfo model, int requests, int senders, int slow, FileInfo? json)
    {
        var hostile = Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "cases"))
            .ToDictionary(file => Path.GetFileName(file), File.ReadAllBytes);
        hostile["png of 24 megapixels"] = Picture(4900, noise: false);
        var good = Picture(32, noise: true);
        List<Row> rows = [Measure(Alone, (_, _) => [])];
        foreach (var (name, picture) in hostile)
            rows.Add(Measure($"{senders} senders of {name}", (address, until) => [.. Senders(address, picture, senders, until)]));
        rows.Add(Measure($"{slow} clients with 10 MB", (address, until) => [.. SlowClients(address, slow, until)]));
        rows.Add(Measure(Alone, (_, _) => []));

        var table = new Table().Border(TableBorder.Simple)
            .AddColumns("among", "median ms", "of alone", "95 % ms", "answers", "answers to the others", "most MiB");
        foreach (var row in rows)
        {
            table.AddRow(row.Among, $"{row.Median:F1}", $"{row.Median / rows[0].Median:F1}", $"{row.Most95:F1}", row.Answers,
                row.OtherAnswers, $"{row.MiB:F0}");
        }
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 160);
        AnsiConsole.WriteLine($"{requests} pictures of 32 x 32, one after the other; " +
            $"{Environment.ProcessorCount} processors; the clients " +
            "run on them too; every row is a service of its own.");
        AnsiConsole.Write(table);
        JsonRows.Write(json, rows);

        Row Measure(string among, Func<Uri, CancellationToken, Task<List<HttpStatusCode>>[]> others)
        {
            using var process = Start(service, model, out var address);
            try
            {
                using var client = new HttpClient { BaseAddress = address };
                var answers = new List<HttpStatusCode>();
                for (var i = 0; i < 50; i++)                // code is compiled meanwhile
                    Post(client, good).GetAwaiter().GetResult();
                using var over = new CancellationTokenSource(s_longest);
                var disturbing = others(address, over.Token);
                var milliseconds = new List<double>();
                while (milliseconds.Count < requests && !over.IsCancellationRequested)
                {
                    var start = Stopwatch.GetTimestamp();
                    answers.Add(Post(client, good).GetAwaiter().GetResult());
                    milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                    // A client that thinks: the others have the processors meanwhile.
                    Thread.Sleep(5);
                }
                over.Cancel();
                var otherAnswers = Task.WhenAll(disturbing).GetAwaiter().GetResult().SelectMany(answers => answers);
                milliseconds.Sort();
                return new Row(among, milliseconds[milliseconds.Count / 2], milliseconds[milliseconds.Count * 95 / 100], Counts(answers),
                    Counts(otherAnswers), MostMiB(process));
            }
            finally
            {
                process.Kill();
                process.WaitForExit();
            }
        }
    }

    private static IEnumerable<Task<List<HttpStatusCode>>> Senders(Uri address, byte[] picture, int count, CancellationToken until)
    {
        for (var i = 0; i < count; i++)
        {
            yield return Task.Run(async () =>
            {
                using var client = new HttpClient { BaseAddress = address };
                var answers = new List<HttpStatusCode>();
                while (!until.IsCancellationRequested)
                    answers.Add(await Post(client, picture));
                return answers;
            }, CancellationToken.None);
        }
    }

    /// <summary>Clients that announce 10 MB, send all but the end, and then nothing.</summary>
    private static IEnumerable<Task<List<HttpStatusCode>>> SlowClients(Uri address, int count, CancellationToken until)
    {
        const int length = 10_000_000;
        var part = new byte[100_000];
        for (var i = 0; i < count; i++)
        {
            yield return Task.Run(async () =>
            {
                using var connection = new TcpClient();
                await connection.ConnectAsync(IPAddress.Loopback, address.Port);
                var stream = connection.GetStream();
                await stream.WriteAsync(Encoding.ASCII.GetBytes(
                    $"POST /classify HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"));
                using var reader = new StreamReader(stream);
                var answer = reader.ReadLineAsync();
                try
                {
                    for (var sent = 0; sent < length - part.Length && !answer.IsCompleted; sent += part.Length)
                    {
                        await stream.WriteAsync(part, until);
                        await Task.Delay(10, until);
                    }
                    await answer.WaitAsync(until);
                }
                catch (Exception e) when (e is OperationCanceledException or IOException)
                {
                    return new List<HttpStatusCode> { default };        // no answer
                }
                // "HTTP/1.1 503 Service Unavailable"
                return [(HttpStatusCode)int.Parse((await answer)!.Split(' ')[1], CultureInfo.InvariantCulture)];
            }, CancellationToken.None);
        }
    }

    private static async Task<HttpStatusCode> Post(HttpClient client, byte[] picture)
    {
        using var response = await client.PostAsync("/classify", new ByteArrayContent(picture));
        return response.StatusCode;
    }

    private static string Counts(IEnumerable<HttpStatusCode> answers) =>
        string.Join(", ", answers.CountBy(answer => (int)answer).OrderBy(pair => pair.Key).Select(
            pair => $"{pair.Value} x {(pair.Key == 0 ? "none" : pair.Key)}"));

    private static Process Start(FileInfo service, FileInfo model, out Uri address)
    {
        var process = Process.Start(new ProcessStartInfo(service.FullName, ["--model", model.FullName, "--urls", "http://127.0.0.1:0"])
        {
            RedirectStandardOutput = true,
        })!;
        const string announcement = "Now listening on: ";
        for (string? line; (line = process.StandardOutput.ReadLine()) is not null;)
        {
            if (line.IndexOf(announcement, StringComparison.Ordinal) is var at and >= 0)
            {
                address = new Uri(line[(at + announcement.Length)..]);
                _ = process.StandardOutput.ReadToEndAsync();
                return process;
            }
        }
        throw new InvalidOperationException($"{service.FullName} ended before it listened.");
    }

    /// <summary>The most memory that the process has had resident; where the system does not say, what it has now.</summary>
    private static double MostMiB(Process process)
    {
        process.Refresh();
        return Math.Max(process.PeakWorkingSet64, process.WorkingSet64) / (double)(1 << 20);
    }

    private static byte[] Picture(int side, bool noise)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Erase(SKColors.White);
        var random = new Random(1);
        for (var i = 0; noise && i < side * side; i++)
            bitmap.SetPixel(i % side, i / side, new SKColor((uint)random.Next() | 0xFF000000));
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private sealed record Row(string Among, double Median, double Most95, string Answers, string OtherAnswers, double MiB);
}
