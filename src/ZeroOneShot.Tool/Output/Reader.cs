using System.Runtime.InteropServices;

namespace ZeroOneShot.Tool.Output;

/// <summary>Who reads standard output: a person, a file, or a program that may stop reading it, such as head.</summary>
internal static partial class Reader
{
    private const int StandardOutput = 1;

    private const short Error = 8, HungUp = 16;

    /// <summary>
    /// Whether nobody reads on, so that more lines are for nobody. System.Console says nothing of a pipe that is closed at its other end.
    /// </summary>
    public static bool IsGone
    {
        get
        {
            if (OperatingSystem.IsWindows())
                return false;
            var output = new Polled { Descriptor = StandardOutput };
            return Poll(ref output, 1, 0) > 0 && (output.Found & (Error | HungUp)) != 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref Polled descriptors, nuint count, int milliseconds);

    private struct Polled
    {
        public int Descriptor;
        public short Asked;
        public short Found;
    }
}
