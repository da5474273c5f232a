using System.Globalization;
using Xunit;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests.Runtime;

/// <summary>The memory that a process may use, as Linux tells it.</summary>
public sealed class MachineMemoryTests : IDisposable
{
    private const long MiB = 1 << 20, Machine = 4096 * MiB;

    private readonly TemporaryFolder _root = new();

    public MachineMemoryTests() => Write("proc/meminfo", $"MemTotal:       {Machine / 1024} kB\nMemFree:  17 kB\n");

    public void Dispose() => _root.Dispose();

    private long Found
    {
        get
        {
            Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere .NET's word is taken.");
            return MachineMemory.Bytes(_root.FullName);
        }
    }

    [Fact]
    public void Without_a_limit_it_is_the_machines()
    {
        Assert.Equal(Machine, Found);
        Write("proc/self/cgroup", "0::/user.slice\n");
        Write("sys/fs/cgroup/user.slice/memory.max", "max\n");
        Assert.Equal(Machine, Found);
    }

    [Fact]
    public void In_a_container_it_is_all_of_the_limit()
    {
        Write("proc/self/cgroup", "0::/\n");
        Write("sys/fs/cgroup/memory.max", $"{512 * MiB}\n");
        Assert.Equal(512 * MiB, Found);
    }

    [Fact]
    public void The_smallest_of_the_limits_around_a_process_counts()
    {
        Write("proc/self/cgroup", "0::/jobs/job7/step\n");
        Write("sys/fs/cgroup/jobs/memory.max", $"{2048 * MiB}\n");
        Write("sys/fs/cgroup/jobs/job7/memory.max", $"{1024 * MiB}\n");
        Write("sys/fs/cgroup/jobs/job7/step/memory.max", "max\n");
        Write("sys/fs/cgroup/others/memory.max", $"{MiB}\n");
        Assert.Equal(1024 * MiB, Found);
    }

    [Theory]
    [InlineData("4:memory:/docker/4f1c", "docker/4f1c/")]
    [InlineData("4:cpu,memory:/docker/4f1c", "")]                           // the container sees its group as the root
    public void Control_groups_of_version_1_limit_it_too(string line, string group)
    {
        Write("proc/self/cgroup", $"9:name=systemd:/\n{line}\n0::/\n");
        Write("sys/fs/cgroup/memory/memory.limit_in_bytes", $"{long.MaxValue / 4096 * 4096}\n");
        Write($"sys/fs/cgroup/memory/{group}memory.limit_in_bytes", $"{768 * MiB}\n");
        Assert.Equal(768 * MiB, Found);
    }

    [Fact]
    public void Here_it_is_no_more_than_the_machine_has_and_plans_go_by_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere .NET's word is taken.");
        var line = File.ReadLines("/proc/meminfo").First(line => line.StartsWith("MemTotal:", StringComparison.Ordinal));
        var total = 1024 * long.Parse(line.AsSpan(9).Trim().TrimEnd(" kB"), CultureInfo.InvariantCulture);
        Assert.InRange(MachineMemory.Bytes(), 1, total);
        Assert.Equal(MachineMemory.Bytes(), ProcessMemory.MemoryOf("cpu"));
    }

    private void Write(string file, string content)
    {
        var path = _root.File(file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }
}
