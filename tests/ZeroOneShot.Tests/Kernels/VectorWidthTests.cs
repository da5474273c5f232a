using System.Diagnostics;
using System.Globalization;
using Xunit;
using ZeroOneShot.Kernels;
using ZeroOneShot.Tests.Networks;
using ZeroOneShot.Tests.OneShot;
using ZeroOneShot.Tests.ZeroShot;

namespace ZeroOneShot.Tests.Kernels;

/// <summary>
/// Other processors, as far as .NET's settings make one of this: a part of these tests, run as processes of their own without the widest
/// vectors, or without any.
/// </summary>
public sealed class VectorWidthTests
{
    [Theory]
    [InlineData("DOTNET_EnableAVX512", 256)]
    [InlineData("DOTNET_EnableAVX2", 128)]
    public void Narrower_vectors_give_the_outputs_and_gradients_of_autograd_and_repeat_themselves(string without, int bits) =>
        RunTests(without, Math.Min(bits, Registers.Bits), typeof(LaneLayersTests), typeof(PointwiseKernelTests), typeof(LeanSupernetTests),
            typeof(LeanCellNetTests), typeof(SharedCandidatesTests), typeof(ReproducibilityTests));

    [Fact]
    public void Without_vectors_a_search_runs_in_libtorchs_order() =>
        RunTests("DOTNET_EnableHWIntrinsic", 0, typeof(LeanSupernetTests));

    /// <summary>Runs test classes, and that of the registers, in a process without a kind of instructions.</summary>
    private static void RunTests(string without, int bits, params Type[] classes)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "ZeroOneShot.Tests"))
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment[without] = "0";
        start.Environment[RegistersTests.Expected] = bits.ToString(CultureInfo.InvariantCulture);
        start.ArgumentList.Add("-noColor");
        foreach (var type in (Type[])[typeof(RegistersTests), .. classes])
        {
            start.ArgumentList.Add("-class");
            start.ArgumentList.Add(type.FullName!);
        }
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{without}=0 ended with {process.ExitCode}: {output}{errors.Result}");
        // Filters that match nothing would pass, too.
        Assert.True(RanTests(output) > classes.Length, output);
    }

    private static int RanTests(string output)
    {
        var total = output.Split("Total: ")[^1];
        return int.Parse(total[..total.IndexOf(',')], CultureInfo.InvariantCulture);
    }
}
