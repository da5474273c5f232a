using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML;

/// <summary>
/// Shows on the error stream how far a Fit is: on a console one line, which lives; in a file or a pipe a line a minute.
/// </summary>
/// <param name="output">Where to.</param>
/// <param name="isConsole">Whether a line can be written over.</param>
/// <param name="time">What measures the time.</param>
internal sealed class ConsoleProgress(TextWriter output, bool isConsole, TimeProvider time)
{
    // Wide enough to be read, narrow enough for a small window.
    private const int Width = 100;

    private static readonly TimeSpan s_live = TimeSpan.FromMilliseconds(200), s_lines = TimeSpan.FromMinutes(1);

    private long _written = time.GetTimestamp();
    private bool _isOpen;

    /// <summary>Writes a text of its own.</summary>
    public void Write(string text)
    {
        Close();
        output.WriteLine(text);
    }

    /// <summary>Shows how far it is, unless it did so a moment ago.</summary>
    /// <param name="progress">How far.</param>
    /// <param name="elapsed">The time of the whole Fit so far.</param>
    /// <param name="left">The time that the whole Fit still takes.</param>
    public void Show(Func<string> progress, TimeSpan elapsed, TimeSpan left)
    {
        if (time.GetElapsedTime(_written) < (isConsole ? s_live : s_lines))
            return;
        _written = time.GetTimestamp();
        var text = $"{RunProgress.Text(elapsed)}, {RunProgress.Text(left)} left: {progress()}";
        if (!isConsole)
        {
            output.WriteLine(text);
            return;
        }
        var width = Math.Min(Width, Window() - 1);
        output.Write($"\r{(text.Length > width ? text[..width] : text.PadRight(width))}");
        _isOpen = true;
    }

    // A line that wraps could not be written over.
    private static int Window()
    {
        try
        {
            return Console.WindowWidth is > 1 and var width ? width : Width;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return Width;
        }
    }

    /// <summary>Ends the line.</summary>
    public void Close()
    {
        if (_isOpen)
            output.WriteLine();
        _isOpen = false;
    }
}
