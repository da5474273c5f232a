using System.Text;
using TorchSharp;
using Xunit;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests.Persistence;

public sealed class ChecksumTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    static ChecksumTests() => TorchRuntime.EnsureLoaded();

    private string Path => _folder.File("a.safetensors");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_single_wrong_bit_of_a_written_file_is_noticed()
    {
        Write();
        var good = File.ReadAllBytes(Path);
        for (var bit = 0; bit < 8 * good.Length; bit++)
        {
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << bit % 8);
            File.WriteAllBytes(Path, bad);
            Assert.Contains(Path, Assert.Throws<InvalidDataException>(() => SafetensorsFile.Read(Path)).Message);
        }
    }

    [Fact]
    public void The_checksum_is_no_text_of_the_file_and_its_keys_cannot_be_taken()
    {
        Write();
        var file = SafetensorsFile.Read(Path);
        Assert.True(file.HasChecksum);
        Assert.Equal(["note"], file.Metadata.Keys);
        using var x = torch.ones(3);
        foreach (var key in (string[])["zerooneshot.sha256", "zerooneshot.format"])
        {
            var error = Assert.Throws<ArgumentException>(
                () => SafetensorsFile.Write(Path, [("x", x)], new Dictionary<string, string> { [key] = "" }));
            Assert.Contains($"'{key}'", error.Message);
        }
    }

    [Fact]
    public void A_file_of_another_program_is_read_and_said_to_have_no_checksum() =>
        Assert.False(SafetensorsFile.Read(Golden.File("beta_decay.safetensors")).HasChecksum);

    [Fact]
    public void A_file_of_a_later_format_asks_for_a_newer_version()
    {
        Write();
        var text = Encoding.Latin1.GetString(File.ReadAllBytes(Path));
        File.WriteAllBytes(Path, Encoding.Latin1.GetBytes(text.Replace("zerooneshot.format\":\"1\"", "zerooneshot.format\":\"2\"")));
        Assert.Contains("update ZeroOneShot", Assert.Throws<InvalidDataException>(() => SafetensorsFile.Read(Path)).Message);
    }

    [Fact]
    public void A_file_without_tensors_and_one_with_texts_like_a_checksum_are_read()
    {
        SafetensorsFile.Write(Path, []);
        Assert.Empty(SafetensorsFile.Read(Path).Tensors);
        var zeros = new string('0', 64);
        var texts = new Dictionary<string, string> { ["a"] = $"\"zerooneshot.sha256\":\"{zeros}\"", ["zzz"] = zeros };
        SafetensorsFile.Write(Path, [], texts);
        Assert.Equal(texts, SafetensorsFile.Read(Path).Metadata);
    }

    private void Write()
    {
        using var x = torch.arange(5, torch.float32);
        SafetensorsFile.Write(Path, [("x", x)], new Dictionary<string, string> { ["note"] = "é" });
    }
}
