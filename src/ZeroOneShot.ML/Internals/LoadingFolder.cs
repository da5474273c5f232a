using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace ZeroOneShot.ML;

/// <summary>
/// A folder in the temporary folder for the file that ML.NET writes when it loads a model with an ONNX network, and would leave behind when
/// the process is ended. Here it is gone as soon as the model is loaded.
/// </summary>
/// <remarks>
/// A signal that would end the process in the meantime takes effect when the folder is gone, and whatever else the application does
/// upon signals stays as it is. Only SIGKILL and a loss of power leave a folder behind; the next process that loads or fits a model
/// removes it.
/// (On Windows the file can go no earlier than the model: there it is ML.NET's, and the system removes it, and the folder stays until
/// then.)
/// </remarks>
internal static class LoadingFolder
{
    private const string Prefix = "zerooneshot-load-", EarlierFiles = "zerooneshot-*.onnx";
    private const string Lock = "lock";
    private const int Attempts = 10;

    // A load takes well under a second; whoever ends the process is not to wait for ever for one that hangs.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private static readonly Lazy<bool> s_swept = new(() =>
    {
        Sweep(Path.GetTempPath());
        return true;
    });

    /// <summary>Removes, once in a process, what processes that are gone have left in the temporary folder.</summary>
    public static void SweepOnce() => _ = s_swept.Value;

    /// <summary>Does something with a folder that is there until it is done.</summary>
    /// <param name="work">What to do, given the folder's path.</param>
    /// <exception cref="IOException">The temporary folder cannot be written to.</exception>
    public static T Use<T>(Func<string, T> work)
    {
        SweepOnce();
        var done = new ManualResetEventSlim();          // never disposed: a signal that has begun may ask after it when the work is done
        void Wait(PosixSignalContext context) => done.Wait(s_patience);
        void WaitToo(object? sender, EventArgs e) => done.Wait(s_patience);
        PosixSignal[] signals = [PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP, PosixSignal.SIGQUIT];
        var registrations = signals.Select(signal => PosixSignalRegistration.Create(signal, Wait)).ToArray();
        AppDomain.CurrentDomain.ProcessExit += WaitToo;
        try
        {
            var (folder, held) = Create();
            try
            {
                return work(folder);
            }
            finally
            {
                held.Dispose();
                Delete(folder);
            }
        }
        finally
        {
            done.Set();
            AppDomain.CurrentDomain.ProcessExit -= WaitToo;
            foreach (var registration in registrations)
                registration.Dispose();
        }
    }

    /// <summary>
    /// Removes the folders whose process is gone, which the system knows: it lets go of a file that a process held when the process ends.
    /// Also the files <c>zerooneshot-PID-*.onnx</c> that trials of this library have left.
    /// </summary>
    /// <param name="temporary">The temporary folder.</param>
    internal static void Sweep(string temporary)
    {
        foreach (var folder in Found(() => Directory.GetDirectories(temporary, Prefix + "*")))
        {
            if (!File.Exists(Path.Combine(folder, Lock)))
            {
                Quietly(() => Directory.Delete(folder));            // an empty one; who has just made it makes another
                continue;
            }
            try
            {
                using var held = new FileStream(Path.Combine(folder, Lock), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue;                                           // its process is at work
            }
            Delete(folder);
        }
        foreach (var file in Found(() => Directory.GetFiles(temporary, EarlierFiles)))
        {
            var parts = Path.GetFileName(file).Split('-');
            if (parts.Length == 3 && int.TryParse(parts[1], CultureInfo.InvariantCulture, out var process) && !IsAlive(process))
                Quietly(() => File.Delete(file));
        }
    }

    private static (string Folder, FileStream Held) Create()
    {
        var temporary = Path.GetTempPath();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var folder = Directory.CreateTempSubdirectory(Prefix).FullName;
                var path = Path.Combine(folder, Lock);
                var held = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
                if (File.Exists(path))
                    return (folder, held);
                held.Dispose();                                     // another process took the folder for one that was left behind
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (attempt == Attempts || !Directory.Exists(temporary) || e is UnauthorizedAccessException)
                    throw NotWritable(e);
            }
        }
    }

    /// <summary>What to say when the temporary folder is full or cannot be written to.</summary>
    internal static IOException NotWritable(Exception e) => e.Data.Contains(nameof(NotWritable)) ? (IOException)e : new(
        $"ML.NET writes the network of a model to a temporary file while it loads the model, and '{Path.GetTempPath()}' cannot be " +
        $"written to: {e.GetBaseException().Message} Free some space there, or set {(OperatingSystem.IsWindows() ? "TMP" : "TMPDIR")} " +
        "to a folder that can.", e) { Data = { [nameof(NotWritable)] = true } };

    private static string[] Found(Func<string[]> find)
    {
        try
        {
            return find();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static void Delete(string folder) => Quietly(() => Directory.Delete(folder, recursive: true));

    private static void Quietly(Action delete)
    {
        try
        {
            delete();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else's, or still open on Windows: it does no harm where it is.
        }
    }

    private static bool IsAlive(int process)
    {
        try
        {
            using var found = Process.GetProcessById(process);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
