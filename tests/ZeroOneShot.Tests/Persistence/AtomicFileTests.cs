using Xunit;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Tests.Persistence;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_written_into_a_folder_that_did_not_exist()
    {
        var path = _folder.File("runs/7/best.bin");
        AtomicFile.Write(path, stream => stream.Write([1, 2, 3]));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void An_existing_file_is_replaced()
    {
        var path = _folder.File("a.bin");
        File.WriteAllBytes(path, [9, 9, 9, 9]);
        AtomicFile.Write(path, stream => stream.WriteByte(1));
        Assert.Equal([1], File.ReadAllBytes(path));
    }

    [Fact]
    public void A_failure_half_way_leaves_the_old_file_and_nothing_else()
    {
        var path = _folder.File("a.bin");
        File.WriteAllBytes(path, [9]);
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new InvalidOperationException("interrupted");
        }));
        Assert.Equal([9], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(_folder.FullName));
    }

    [Fact]
    public void What_a_killed_write_has_left_is_deleted_and_nothing_else()
    {
        const string random = "0123456789abcdef0123456789abcdef";
        string[] others = ["a.bin", ".a.bin.tmp", $".a.bin.c.{random}.tmp", $".b.bin.{random}.tmp"];
        foreach (var name in others.Append($".a.bin.{random}.tmp"))
            _folder.Write(name, 1);
        AtomicFile.DeleteLeftovers(_folder.File("a.bin"));
        Assert.Equal(others.Select(_folder.File).Order(), Directory.GetFiles(_folder.FullName).Order());
        AtomicFile.DeleteLeftovers(_folder.File("no folder/a.bin"));
    }

    [Fact]
    public void A_folder_given_for_a_file_is_refused() =>
        Assert.Contains("is a folder", Assert.Throws<IOException>(() => AtomicFile.Write(_folder.FullName, _ => { })).Message);

    [Fact]
    public void A_pipe_is_refused_and_stays_and_an_empty_file_is_replaced()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "It has no such files.");
        var pipe = _folder.File("pipe");
        using (var made = System.Diagnostics.Process.Start("mkfifo", pipe))
            made.WaitForExit();
        var error = Assert.Throws<IOException>(() => AtomicFile.Write(pipe, _ => Assert.Fail("It was written.")));
        Assert.Contains($"'{pipe}' is a pipe or a device", error.Message);
        Assert.True(File.Exists(pipe));
        AtomicFile.Write(_folder.Write("empty"), stream => stream.WriteByte(1));
        Assert.Equal([1], File.ReadAllBytes(_folder.File("empty")));
    }

    [Theory]
    [InlineData("x", 255)]
    [InlineData("é", 127)]
    [InlineData("😀", 63)]
    public void A_name_as_long_as_a_name_may_be_is_written_and_what_a_kill_left_of_it_is_found(string part, int times)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Whole paths are limited there.");
        var path = _folder.File(string.Concat(Enumerable.Repeat(part, times)));
        string? left = null;
        AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            left = Directory.GetFiles(_folder.FullName, ".*.tmp").Single();
        });
        Assert.Equal([1], File.ReadAllBytes(path));
        File.WriteAllBytes(left!, [2]);
        AtomicFile.DeleteLeftovers(path);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.FullName));
    }

    [Fact]
    public void A_full_disk_is_said_with_what_to_do_and_what_was_there_stays()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "Linux has a device that is always full.");
        var path = _folder.Write("a.bin", 1);
        var error = Assert.Throws<IOException>(() => AtomicFile.Write(path, _ => File.WriteAllBytes("/dev/full", [2])));
        Assert.StartsWith($"'{path}' cannot be written: there is no room for it", error.Message);
        Assert.Contains("Free some space there", error.Message);
        Assert.Equal([1], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFileSystemEntries(_folder.FullName));
    }

    [Fact]
    public void A_path_through_a_file_is_refused_by_name()
    {
        File.WriteAllBytes(_folder.File("file"), []);
        var path = _folder.File("file/a.bin");
        var error = Assert.Throws<IOException>(() => AtomicFile.Write(path, _ => { }));
        Assert.StartsWith($"'{path}' cannot be written", error.Message);
    }

    [Fact]
    public void An_output_folder_is_created_and_left_empty_by_the_check()
    {
        var folder = _folder.File("new/out");
        AtomicFile.EnsureWritable(folder);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void What_a_process_killed_in_the_check_of_a_folder_has_left_is_gone_after_the_next_check()
    {
        _folder.Write(".write-test.0123456789abcdef0123456789abcdef.tmp", 1);
        var mine = _folder.Write(".write-test.tmp", 1);
        AtomicFile.EnsureWritable(_folder.FullName);
        Assert.Equal([mine], Directory.GetFileSystemEntries(_folder.FullName));
    }

    [Fact]
    public void An_output_folder_that_is_a_file_is_refused_before_the_work()
    {
        File.WriteAllBytes(_folder.File("out"), []);
        var error = Assert.Throws<IOException>(() => AtomicFile.EnsureWritable(_folder.File("out")));
        Assert.Contains(_folder.File("out"), error.Message);
    }

    [Fact]
    public void A_folder_without_the_right_to_write_is_refused()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix permissions.");
        if (OperatingSystem.IsWindows())
            return;
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "Root may write anywhere.");
        var folder = Directory.CreateDirectory(_folder.File("readonly"), UnixFileMode.UserRead | UnixFileMode.UserExecute).FullName;
        var error = Assert.Throws<IOException>(() => AtomicFile.EnsureWritable(folder));
        Assert.Contains("give this user the right", error.Message);
    }
}
