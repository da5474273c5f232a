using System.CommandLine;
using System.CommandLine.Parsing;
using ZeroOneShot.Data;
using ZeroOneShot.Kernels;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Benchmarks;

/// <summary>The command line's options. Each says what was found and what is expected before anything is measured.</summary>
internal static class Options
{
    public static Option<FileInfo?> Json()
    {
        var option = new Option<FileInfo?>("--json") { Description = "Write the rows to this file as well." };
        option.Validators.Add(result => Check(result, () =>
        {
            if (result.Tokens is not [var file])
                return;
            if (Directory.Exists(file.Value))
                throw new IOException($"'{file.Value}' is a folder; expected the name of a file to write.");
            AtomicFile.EnsureWritable(Path.GetDirectoryName(Path.GetFullPath(file.Value))!);
        }));
        return option;
    }

    public static Option<string[]> Methods(params SearchMethod[] defaults)
    {
        var option = new Option<string[]>("--methods")
        {
            Description = $"Methods of Table 1 that search: {Names()}.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [.. defaults.Select(method => method.Name)],
        };
        option.Validators.Add(result => Check(result, () =>
        {
            foreach (var token in result.Tokens)
            {
                if (!SearchStep.OneShotMethods.Contains(SearchMethod.Parse(token.Value)))
                    throw new ArgumentException($"Method '{token.Value}' has no search step to measure; expected one of {Names()}.");
            }
        }));
        return option;

        static string Names() => string.Join(", ", SearchStep.OneShotMethods);
    }

    public static SearchMethod[] Parsed(string[] methods) => [.. methods.Select(SearchMethod.Parse).Distinct()];

    public static Option<string[]> Among(string name, string what, IReadOnlyList<string> values, params string[] defaults)
    {
        var option = new Option<string[]>(name)
        {
            Description = $"{what}: {string.Join(", ", values)}.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => defaults,
        };
        return option.AcceptOnlyFromAmong([.. values]);
    }

    public static Option<string[]> Spaces(params SearchSpace[] defaults) =>
        Among("--spaces", "Search spaces", [.. SearchSpace.All.Select(space => space.Name)], [.. defaults.Select(space => space.Name)]);

    public static Option<int[]> Batches(int largest, params int[] defaults)
    {
        var option = new Option<int[]>("--batches")
        {
            Description = "Batch sizes.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => defaults,
        };
        CheckRange(option, "A batch size", smallest: 2, largest);
        return option;
    }

    public static Option<int[]> Vectors()
    {
        var option = new Option<int[]>("--vectors")
        {
            Description = $"Bits of the vectors that the kernels compute in, the processor's or fewer, as on other machines: " +
                $"{string.Join(", ", Machine.Widths)}. What runs without the kernels is measured once.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [Registers.Bits],
        };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (int.TryParse(token.Value, out var bits) && !(Machine.Widths.Contains(bits) && bits <= Registers.Bits))
                {
                    result.AddError($"--vectors is {bits}; this processor has {Machine.Vectors(Registers.Bits)}, expected one of " +
                        $"{string.Join(", ", Machine.Widths.Where(width => width <= Registers.Bits))}.");
                }
            }
        });
        return option;
    }

    public static Option<int> Channels() =>
        Shape("--channels", "Channels of the first cells", 16, channels => new SupernetOptions { Channels = channels });

    public static Option<int> Cells() => Shape("--cells", "Cells", 8, cells => new SupernetOptions { Cells = cells });

    public static Option<int> Repetitions() => Count(
        "--repetitions", "Steps timed after five seconds of warm-up, of which medians are shown", 5);

    public static Option<int> Count(string name, string what, int usual)
    {
        var option = new Option<int>(name) { Description = $"{what}.", DefaultValueFactory = _ => usual };
        CheckRange(option, $"The value of {name}", smallest: 1, int.MaxValue);
        return option;
    }

    public static Option<int?> Perhaps(string name, string what)
    {
        var option = new Option<int?>(name) { Description = $"{what}." };
        CheckRange(option, $"The value of {name}", smallest: 1, int.MaxValue);
        return option;
    }

    public static Option<string> RankingFunctions()
    {
        var all = string.Join(",", ZeroShot.Functions.RankingFunctions.All.Select(function => function.Name));
        var option = new Option<string>("--functions")
        {
            Description = $"Ranking functions, with commas between them: {all},swap-regularised:MU:SIGMA.", DefaultValueFactory = _ => all,
        };
        option.Validators.Add(result => Check(result, () =>
        {
            if (result.Tokens is [var names])
                ZeroShot.Functions.RankingFunctions.Parse(names.Value);
        }));
        return option;
    }

    public static Option<FileInfo> ExistingFile(string name, string what, bool required = true) =>
        new Option<FileInfo>(name) { Description = $"{what}.", Required = required }.AcceptExistingOnly();

    public static Option<DirectoryInfo> CifarFolder(string? without = null)
    {
        var option = new Option<DirectoryInfo>("--data")
        {
            Description = "A folder with CIFAR-10 in the binary layout." + (without is null ? "" : $" Without it: {without}."),
            Required = without is null,
        };
        option.Validators.Add(result => Check(result, () =>
        {
            if (result.Tokens is [var folder] && !(CifarFiles.TryDetect(folder.Value, out var kind) && kind == CifarKind.Cifar10))
                throw new IOException($"'{folder.Value}' holds no CIFAR-10 in the binary layout (data_batch_1.bin and so on).");
        }));
        return option;
    }

    /// <summary>A number with which the supernet of every method can be built.</summary>
    private static Option<int> Shape(string name, string what, int usual, Func<int, SupernetOptions> shape)
    {
        var option = new Option<int>(name) { Description = $"{what}.", DefaultValueFactory = _ => usual };
        option.Validators.Add(result => Check(result, () =>
        {
            if (result.Tokens is not [var token] || !int.TryParse(token.Value, out var number))
                return;                                     // said already
            foreach (var method in SearchStep.OneShotMethods)
                method.Apply(shape(number)).Validate();
        }));
        return option;
    }

    private static void CheckRange(Option option, string what, int smallest, int largest) => option.Validators.Add(result =>
    {
        foreach (var token in result.Tokens)
        {
            if (int.TryParse(token.Value, out var number) && (number < smallest || number > largest))
            {
                var range = largest == int.MaxValue ? $"at least {smallest}" : $"{smallest} to {largest}";
                result.AddError($"{what} is {number}; expected {range}.");
            }
        }
    });

    private static void Check(SymbolResult result, Action check)
    {
        try
        {
            check();
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            result.AddError(e.Message);
        }
    }
}
