using System.CommandLine;
using System.Text.Json;

namespace ZeroOneShot.Benchmarks.Gpu;

/// <summary>The command that checks and measures a GPU, and the hidden one that it starts for every part.</summary>
internal static class GpuCommands
{
    public static IReadOnlyList<Command> All()
    {
        var device = new Option<string>("--device")
        {
            Description = "cuda, cuda:N, or cpu to try the command.", DefaultValueFactory = _ => "cuda",
        };
        var small = new Option<bool>("--small") { Description = "Sizes at which a CPU shows within minutes that everything runs." };
        var output = new Option<DirectoryInfo>("--out")
        {
            Description = "Folder of gpu.json and gpu.md.", DefaultValueFactory = _ => new("gpu-results"),
        };
        var seconds = Options.Count("--seconds", "Seconds in all; parts that no time is left for are left out", 460);
        var tests = new Option<FileInfo?>("--tests")
        {
            Description = "The built ZeroOneShot.Tests, for the comparison with recorded tensors.",
        };
        var python = new Option<string?>("--python")
        {
            Description = "A Python that has PyTorch, to measure its own step beside.",
        };
        var step = new Option<FileInfo>("--pytorch-step")
        {
            Description = "benchmarks/gpu/step.py.", DefaultValueFactory = _ => new("benchmarks/gpu/step.py"),
        };
        var parts = new Option<string[]>("--parts")
        {
            Description = "Some of the parts; by default all.", AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [],
        };
        parts.AcceptOnlyFromAmong(GpuRun.Names);
        var gpu = new Command("gpu",
            "Every check and measurement of a GPU, each in a process of its own with a time limit: see benchmarks/gpu/run.")
        {
            device, small, output, seconds, tests, python, step, parts,
        };
        gpu.SetAction(parsed => new GpuRun(new Setting(parsed.GetRequiredValue(device), parsed.GetValue(small)),
            parsed.GetRequiredValue(output), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(tests),
            parsed.GetValue(python) is { Length: > 0 } named ? new PyTorchStep(named, parsed.GetRequiredValue(step)) : null,
            parsed.GetRequiredValue(parts)).Run());

        var arguments = new Argument<string[]>("arguments");
        var part = new Command(GpuRun.Command, "What gpu runs in processes of its own.") { arguments };
        part.Hidden = true;
        part.SetAction(parsed => Take(parsed.GetRequiredValue(arguments)));
        return [gpu, part];
    }

    /// <summary>Prints what a part found in one line; where it breaks, why, and where that was.</summary>
    private static int Take(string[] arguments)
    {
        try
        {
            Console.WriteLine(JsonSerializer.Serialize(arguments is [var setting, var name, .. var rest]
                ? GpuRun.Take(name, rest, JsonSerializer.Deserialize<Setting>(setting)!)
                : throw new ArgumentException("Expected the setting, the part and its arguments.")));
            return 0;
        }
        catch (Exception e)
        {
            // libtorch's messages go on with its own stack.
            Console.Error.WriteLine($"{e.GetType().Name}: {string.Join(' ', e.Message.Split('\n').Take(3))}");
            Console.Error.WriteLine(e.StackTrace?.Split('\n')[0].Trim());
            return 1;
        }
    }
}
