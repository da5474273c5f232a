using Xunit;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Tests.Persistence;

public sealed class FolderLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_second_run_into_a_folder_is_refused_with_the_name_of_the_first()
    {
        var folder = _folder.File("new/out");
        using var first = FolderLock.Take(folder, "an image search");
        Assert.Equal(folder, first.Folder);
        var error = Assert.Throws<IOException>(() => FolderLock.Take(folder + "/", "another"));
        Assert.Contains($"'{folder}", error.Message);
        Assert.Contains($"is in use by process {Environment.ProcessId} (", error.Message);
        Assert.Contains($"on {Environment.MachineName}, for an image search since ", error.Message);
    }

    [Fact]
    public void The_next_run_may_have_the_folder_and_finds_nothing_but_an_empty_hidden_file()
    {
        FolderLock.Take(_folder.FullName, "first").Dispose();
        using (var second = FolderLock.Take(_folder.FullName, "second"))
            second.Dispose();
        var left = Assert.Single(Directory.GetFileSystemEntries(_folder.FullName));
        Assert.Equal((".zerooneshot.lock", 0), (Path.GetFileName(left), new FileInfo(left).Length));
    }

    [Fact]
    public void What_a_killed_owner_has_left_keeps_nobody_out()
    {
        // Its lock file and its name: of a process with the number of this one, which lives.
        _folder.Write(".zerooneshot.lock");
        File.WriteAllText(_folder.File(".zerooneshot.owner"), $"process {Environment.ProcessId} (long gone)");
        using var taken = FolderLock.Take(_folder.FullName, "a new run");
        Assert.Contains("for a new run since", Assert.Throws<IOException>(() => FolderLock.Take(_folder.FullName, "x")).Message);
    }
}
