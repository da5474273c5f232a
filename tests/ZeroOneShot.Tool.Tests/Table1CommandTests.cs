using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;
using ZeroOneShot.Experiments;
using ZeroOneShot.Tool.Commands;

namespace ZeroOneShot.Tool.Tests;

/// <summary>Table 1 by command, on noise: here, and on a cluster of this machine.</summary>
public sealed class Table1CommandTests : IDisposable
{
    private const string Preset = "smoke:train-images=40,test-images=20,search-batch=8,train-batch=8";

    private readonly string _folder = Directory.CreateTempSubdirectory("zerooneshot-test-").FullName;
    private readonly List<Process> _started = [];

    public Table1CommandTests()
    {
        Directory.CreateDirectory(Data);
        Write("batches.meta.txt", Encoding.ASCII.GetBytes(string.Join('\n', Enumerable.Range(0, 10).Select(c => $"class{c}")) + "\n"));
        Write("data_batch_1.bin", Records(60, seed: 1));
        Write("test_batch.bin", Records(30, seed: 2));
    }

    public static bool HasSignals => Tool.HasSignals;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Data => In("cifar-10-batches-bin");

    private string Out => In("table");

    private string[] Command => ["table1", "--data", Data, "--methods", "Zero-One-Shot", "--spaces", "nas-bench-201", "--preset", Preset,
        "--seeds", "1", "--out", Out];

    public void Dispose()
    {
        foreach (var process in _started)
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
            process.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Needs POSIX signals.")]
    public async Task A_table_that_is_stopped_goes_on_by_the_same_command_and_what_is_finished_is_not_run_again()
    {
        var process = Start(Command);
        Assert.Contains("1 run(s) of", await Line(process, "Zero-One-Shot"));
        await Line(process, " begins");
        Tool.Signal(process, "INT");
        var stopped = Tool.End(process);
        Assert.Equal((130, "Stopped; the same command goes on.\n"), (stopped.ExitCode, stopped.Errors));

        var done = Tool.Run(Command);
        Assert.Equal((0, ""), (done.ExitCode, done.Errors));
        Assert.Contains("What it costs: cifar10, space nas-bench-201", done.Output);
        Assert.Contains("| Zero-One-Shot | 1 of 1 |", done.Output);
        Assert.All(["table1.md", "table1.csv", "table1.json", "table1.html"], file => Assert.Contains(
            "Zero-One-Shot", File.ReadAllText(Path.Combine(Out, file))));

        var again = Tool.Run([.. Command, "--draw"]);
        Assert.DoesNotContain(" begins", Tool.Run(Command).Output);
        Assert.Equal(done.Output[done.Output.IndexOf("Preset ", StringComparison.Ordinal)..], again.Output);
        var other = Tool.Run([.. Command, "--draw", "0.0.1"]);
        Assert.Equal(2, other.ExitCode);
        Assert.Contains("No run here is of version 0.0.1; there are finished ones of ", other.Errors);
    }

    [Fact]
    public void CIFAR_10_and_CIFAR_100_stand_side_by_side_in_one_table()
    {
        var folder = In("cifar-100-binary");
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, "train.bin"), Records100(200, seed: 3));
        File.WriteAllBytes(Path.Combine(folder, "test.bin"), Records100(100, seed: 4));
        var done = Tool.Run("table1", "--data", Data, folder, "--methods", "DARTS-RND", "--seeds", "1", "--out", Out, "--preset", Preset);
        Assert.Equal((0, ""), (done.ExitCode, done.Errors));
        Assert.Contains("What it finds: cifar10, space darts", done.Output);
        var found = done.Output.IndexOf("What it finds: cifar100, space darts", StringComparison.Ordinal);
        Assert.Contains("| DARTS-RND | 1 of 1 |", done.Output[found..]);
        Assert.Contains("79.58", done.Output);                      // the paper's, on CIFAR-100
    }

    [Fact]
    public async Task A_coordinator_gives_its_runs_to_a_worker_and_a_second_one_of_the_ledger_is_refused()
    {
        var address = $"127.0.0.1:{FreePort()}";
        string[] cluster = [.. Command, "--cluster", address, "--lease", "6s"];
        var coordinator = Start(cluster);
        await Line(coordinator, "Workers join with");
        var second = Tool.Run([.. Command]);
        Assert.Equal(1, second.ExitCode);
        Assert.Contains($"process {coordinator.Id}", second.Errors);

        var worker = Tool.Run("worker", "--join", address, "--folder", In("worker"));
        Assert.True(worker.ExitCode == 0, worker.Output + worker.Errors);
        Assert.Contains("1 run(s) were finished here.", worker.Output);
        var end = Tool.End(coordinator);
        Assert.True(end.ExitCode == 0, end.Output + end.Errors);
        Assert.Contains("| Zero-One-Shot | 1 of 1 |", end.Output);
        Assert.Empty(Directory.GetFileSystemEntries(In("worker/units")));
    }

    [Fact]
    public void A_stage_that_cannot_write_ends_otherwise_than_one_with_a_fault_of_its_own()
    {
        Assert.False(Enum.IsDefined((ExitCode)ChildProcess.FileFault));
        var full = Assert.Throws<ToolException>(() => StageCommand.OrFileFault(() => throw new IOException("No space left on device.")));
        Assert.Equal((ChildProcess.FileFault, "No space left on device."), ((int)full.Code, full.Message));
        Assert.Throws<NotSupportedException>(() => StageCommand.OrFileFault(() => throw new NotSupportedException()));
    }

    [Theory]
    [InlineData("--preset", "cpu:images=3", "expected sizes such as train-images=1000")]
    [InlineData("--cluster", "everywhere", "expected HOST:PORT")]
    [InlineData("--seeds", "0", "expected at least 1")]
    public void What_cannot_be_run_is_one_sentence_before_any_work(string option, string value, string words)
    {
        var refused = Tool.Run(["table1", "--data", Data, "--out", Out, option, value]);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(words, refused.Errors);
        Assert.DoesNotContain("   at ", refused.Errors);
        Assert.False(Directory.Exists(Path.Combine(Out, "runs")));
    }

    private string In(string name) => Path.Combine(_folder, name);

    private void Write(string name, byte[] bytes) => File.WriteAllBytes(Path.Combine(Data, name), bytes);

    private static byte[] Records(int count, int seed)
    {
        const int length = 1 + 3 * 32 * 32;
        var bytes = new byte[count * length];
        new Random(seed).NextBytes(bytes);
        for (var record = 0; record < count; record++)
            bytes[record * length] = (byte)(record % 10);
        return bytes;
    }

    /// <summary>As of CIFAR-100: a superclass, a class, the pixels.</summary>
    private static byte[] Records100(int count, int seed)
    {
        const int length = 2 + 3 * 32 * 32;
        var bytes = new byte[count * length];
        new Random(seed).NextBytes(bytes);
        for (var record = 0; record < count; record++)
        {
            bytes[record * length] = (byte)(record % 20);
            bytes[record * length + 1] = (byte)(record % 100);
        }
        return bytes;
    }

    private Process Start(params string[] arguments)
    {
        var process = Tool.Start(arguments);
        _started.Add(process);
        return process;
    }

    /// <summary>The first line of the output that has some words.</summary>
    private static async Task<string> Line(Process process, string words)
    {
        while (await process.StandardOutput.ReadLineAsync(Cancellation) is { } line)
        {
            if (line.Contains(words, StringComparison.Ordinal))
                return line;
        }
        Assert.Fail($"'{words}' was never said: {await process.StandardError.ReadToEndAsync(Cancellation)}");
        return "";
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
