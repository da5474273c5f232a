using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ZeroOneShot.Kernels;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks;

/// <summary>What a measurement was taken on, and what that can do at most.</summary>
internal static class Machine
{
    private const int RegistersAtOnce = 8;

    /// <summary>Widths of vectors, in bits, that a processor of this kind may have.</summary>
    public static IReadOnlyList<int> Widths { get; } = [512, 256, 128];

    /// <summary>The processor and the width of its vectors.</summary>
    public static string Processor { get; } = $"{Model()}, {Vectors(Registers.Bits)}";

    /// <summary>The version of the library, with the commit it was built from where that is known.</summary>
    public static string Library { get; } =
        typeof(Registers).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>As a table or a sentence says it.</summary>
    public static string Vectors(int bits) => bits == 0 ? "no vectors" : $"{bits}-bit vectors";

    /// <summary>Lets a process yet to be started have no wider vectors. (libtorch's own are not limited.)</summary>
    public static void Limit(IDictionary<string, string?> environment, int bits)
    {
        if (bits < 512)
            environment["DOTNET_EnableAVX512"] = "0";
        if (bits < 256)
            environment["DOTNET_EnableAVX2"] = "0";
    }

    /// <summary>
    /// Multiplications, each with an addition, that the processors do in a second in single precision and in the registers that the
    /// kernels use: independent ones, on nothing but registers.
    /// </summary>
    /// <param name="threads">How many processors.</param>
    public static double MultiplyAddsPerSecond(int threads)
    {
        const int times = 20_000_000;
        var loop = Registers.Widest<Func<int, float>>(Loop<Register512<float>>, Loop<Register256<float>>, Loop<Register128<float>>);
        var done = new float[threads];
        Parallel.For(0, threads, i => done[i] = loop(times / 10));
        var start = Stopwatch.GetTimestamp();
        Parallel.For(0, threads, i => done[i] = loop(times));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (double)times * RegistersAtOnce * (Registers.Bits / 8 / sizeof(float)) * threads / seconds;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Loop<V>(int times) where V : struct, IRegister<V, float>
    {
        var (factor, term) = (V.Create(0.999f), V.Create(0.001f));
        var (a, b, c, d, e, f, g, h) = (term, term, term, term, term, term, term, term);
        for (var n = 0; n < times; n++)
        {
            (a, b) = (V.MultiplyAdd(a, factor, term), V.MultiplyAdd(b, factor, term));
            (c, d) = (V.MultiplyAdd(c, factor, term), V.MultiplyAdd(d, factor, term));
            (e, f) = (V.MultiplyAdd(e, factor, term), V.MultiplyAdd(f, factor, term));
            (g, h) = (V.MultiplyAdd(g, factor, term), V.MultiplyAdd(h, factor, term));
        }
        return V.Sum(a + b + c + d + (e + f + g + h));
    }

    /// <summary>What a benchmark prints before its table.</summary>
    public static string Line(string measured, int? threads = null) => $"{Processor}, {threads ?? get_num_threads()} threads. {measured}";

    private static string Model() => (OperatingSystem.IsLinux()
        ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[^1]
        : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER")) ?? $"{RuntimeInformation.ProcessArchitecture}";
}
