using System.IO.Pipes;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ZeroOneShot.Tool.Output;

/// <summary>Standard output of a command whose answers may go to a program that stops reading them, such as head.</summary>
internal sealed class Answers : IDisposable
{
    private const int StandardOutput = 1;

    private readonly TextWriter _writer;

    public Answers() => _writer = Pipe() is { } pipe
        ? new StreamWriter(pipe, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true } : Console.Out;

    /// <summary>Whether nobody reads on, so that more answers are for nobody.</summary>
    public bool IsUnread { get; private set; }

    public void WriteLine(string line)
    {
        try
        {
            _writer.WriteLine(line);
        }
        catch (IOException) when (_writer != Console.Out)
        {
            IsUnread = true;
        }
    }

    public void Dispose()
    {
        if (_writer != Console.Out && !IsUnread)
            _writer.Dispose();
    }

    // System.Console says nothing of a pipe that is closed at its other end.
    private static AnonymousPipeClientStream? Pipe()
    {
        if (OperatingSystem.IsWindows() || !Console.IsOutputRedirected)
            return null;
        try
        {
            return new AnonymousPipeClientStream(PipeDirection.Out, new SafePipeHandle(StandardOutput, ownsHandle: false));
        }
        catch (IOException)
        {
            return null;                                            // a file
        }
    }
}
