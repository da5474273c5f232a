using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests;

/// <summary>Does something at every warning, told its text.</summary>
internal sealed class Warned(Action<string> act) : IProgress<RunProgress>
{
    public void Report(RunProgress value)
    {
        if (value.Warning is { } warning)
            act(warning);
    }
}
