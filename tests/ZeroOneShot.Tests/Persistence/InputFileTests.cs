using System.Runtime.InteropServices;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Onnx;
using ZeroOneShot.Persistence;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tests.Persistence;

/// <summary>Readers of models, weights and data refuse at once what is no regular file: opening a pipe waits for a writer.</summary>
public sealed class InputFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Readers => [.. s_readers.Keys];

    private static readonly Dictionary<string, Action<string>> s_readers = new()
    {
        ["weights"] = path => CellNetWeights.Read(path),
        ["safetensors"] = path => SafetensorsFile.Read(path),
        ["ONNX"] = path => OnnxMetadata.Read(path),
        ["IDX"] = path => IdxFiles.Read(path, path),
        ["CIFAR-10"] = path => CifarFiles.Read10(path, CifarPart.Train),
        ["CIFAR-100"] = path => CifarFiles.Read100(path, CifarPart.Train),
    };

    public void Dispose() => _folder.Dispose();

    [Theory, MemberData(nameof(Readers))]
    public void A_pipe_is_refused_at_once_also_behind_a_link(string reader)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There are no such files there.");
        var (pipe, link) = (_folder.File("pipe"), _folder.File("link"));
        Assert.Equal(0, MakePipe(pipe, 0x1B6));
        File.CreateSymbolicLink(link, pipe);
        Refused(reader, pipe);
        Refused(reader, link);
    }

    [Theory, MemberData(nameof(Readers))]
    public void A_device_is_refused_at_once(string reader)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There are no such files there.");
        Refused(reader, "/dev/zero");
    }

    [Theory, MemberData(nameof(Readers))]
    public void An_empty_file_and_a_missing_one_are_refused_by_name(string reader)
    {
        Refused(reader, _folder.Write("empty"));
        var missing = _folder.File("missing");
        Assert.Contains(missing, Assert.Throws<FileNotFoundException>(() => s_readers[reader](missing)).Message);
    }

    [Fact]
    public void A_link_to_a_regular_file_is_read()
    {
        var file = _folder.Write("a", 1, 2, 3);
        File.CreateSymbolicLink(_folder.File("link"), file);
        using var stream = InputFile.Open(_folder.File("link"), "three bytes");
        Assert.Equal(3, stream.Length);
    }

    private static void Refused(string reader, string path)
    {
        var error = Assert.Throws<InvalidDataException>(() => s_readers[reader](path));
        Assert.Contains($"'{path}' is empty, or it is a pipe or a device", error.Message);
    }

    [DllImport("libc", EntryPoint = "mkfifo")]
    private static extern int MakePipe([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);
}
