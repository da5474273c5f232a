using System.Diagnostics;
using Spectre.Console;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// Every candidate operation forwards and backwards: this library's kernels against libtorch's, which get channels-last images.
/// </summary>
internal static class Operations
{
    private static readonly (int Channels, int Size)[] s_shapes = [(4, 32), (16, 32), (16, 8), (64, 8)];

    // Runs until what is called often has been compiled anew.
    private const int WarmUp = 40;

    internal sealed record Row(
        string Operation, int Stride, int Channels, int Size, int Batch, int Threads, double KernelSeconds, double LibtorchSeconds,
        int Vectors, double? MultiplyAddsPerSecond);

    /// <summary>Measures and prints; each pair of times is the median of alternating runs.</summary>
    public static void Run(int[] batches, int repetitions, FileInfo? json)
    {
        TorchRuntime.EnsureLoaded();
        var rows = new List<Row>();
        var measured = from batch in batches
                       from operation in SearchSpace.Darts.Operations
                       from stride in (int[])[1, 2]
                       where operation.CanBeChosen && operation.Layers(stride).Count > 0
                       from shape in s_shapes
                       select Measure(operation, stride, shape.Channels, shape.Size, batch, repetitions);
        foreach (var row in measured)
        {
            rows.Add(row);
            JsonRows.Write(json, rows);
        }
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])[
            "operation", "stride", "channels", "size", "batch", "kernels ms", "libtorch ms", "ratio", "10^9 multiply-adds/s", "of bound"])
        {
            table.AddColumn(column);
        }
        var bound = Machine.MultiplyAddsPerSecond(get_num_threads());
        foreach (var row in rows)
        {
            table.AddRow(row.Operation, $"{row.Stride}", $"{row.Channels}", $"{row.Size}", $"{row.Batch}",
                $"{1000 * row.KernelSeconds:F2}", $"{1000 * row.LibtorchSeconds:F2}", $"{row.LibtorchSeconds / row.KernelSeconds:F1}",
                $"{row.MultiplyAddsPerSecond / 1e9:F1}", $"{row.MultiplyAddsPerSecond / bound:P0}");
        }
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 130);
        AnsiConsole.WriteLine(Machine.Line($"Forwards and backwards; medians of {repetitions}. Bound: {bound / 1e9:F0} * 10^9 " +
            "multiply-adds a second, of a loop on registers alone; those of the convolutions are counted, all time is."));
        AnsiConsole.Write(table);
    }

    private static Row Measure(CandidateOperation operation, int stride, int channels, int size, int batch, int repetitions)
    {
        using var scope = NewDisposeScope();
        using var module = LayerModules.Build(operation.Layers(stride), channels, channels, affine: false);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(module, random);
        var images = randn([batch, channels, size, size]);
        FeatureOrder[] orders = [FeatureOrder.For(images), FeatureOrder.Pixels];
        var inputs = orders.Select(order => order.Arrange(images)).ToArray();
        double[][] seconds = [new double[repetitions], new double[repetitions]];
        for (var i = -WarmUp; i < repetitions; i++)
        {
            for (var o = 0; o < orders.Length; o++)
            {
                using var inner = NewDisposeScope();
                var start = Stopwatch.GetTimestamp();
                using (var run = orders[o].Run(module, inputs[o], needed: true))
                    run.Backward(orders[o].Packed(ones_like(run.Output)));
                if (i >= 0)
                    seconds[o][i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }
        var (kernels, libtorch) = (Median(seconds[0]), Median(seconds[1]));
        // Output, gradient of the input and gradient of the weights take as many each.
        var multiplyAdds = 3.0 * batch * operation.Layers(stride)
            .Cost(new FeatureSize(channels, size, size), channels, affine: false).MultiplyAdds;
        return new Row(operation.Name, stride, channels, size, batch, get_num_threads(), kernels, libtorch, Registers.Bits,
            multiplyAdds > 0 ? multiplyAdds / kernels : null);

        double Median(double[] times) => times.Order().ElementAt(repetitions / 2);
    }
}
