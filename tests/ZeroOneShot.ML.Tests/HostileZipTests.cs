using System.IO.Compression;
using CsCheck;
using Microsoft.ML;
using Xunit;

namespace ZeroOneShot.ML.Tests;

/// <summary>A zip that was made to harm, or by another program, is used or refused by its name: nothing else leaves the pool.</summary>
public sealed class HostileZipTests(ImageClassifierPoolTests.ImageModel model)
    : IClassFixture<ImageClassifierPoolTests.ImageModel>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_zip_with_right_checksums_and_any_content_is_used_or_refused_by_name() => Check.Sample(
        Gen.Select(Gen.Int[0, 1000], Gen.Double.Unit, Gen.Byte.Array[0, 12], Gen.Int[0, 3]), (which, place, bytes, kind) =>
        {
            var path = Changed((entries, index) =>
            {
                var (name, content) = entries[index];
                var at = (int)(place * content.Length);
                entries[index] = kind switch
                {
                    0 => (name, content[..at]),
                    1 => (name + "x", content),
                    2 => (name, [.. content[..at], .. bytes, .. content[Math.Min(at + bytes.Length, content.Length)..]]),
                    _ => (name, [.. content[..at], .. bytes, .. content[at..]]),
                };
            }, which);
            try
            {
                using var pool = ImageClassifierPool.Load(path);
                Assert.Equal(2, pool.Classify(model.Files[0]).Count);
            }
            catch (InvalidDataException e)
            {
                Assert.Contains($"'{path}'", e.Message);
            }
            try
            {
                new MLContext().Model.ReadSearchInfo(path);
            }
            catch (InvalidDataException e)
            {
                Assert.Contains($"'{path}'", e.Message);
            }
        }, iter: 150, threads: 1);

    [Fact]
    public void A_wrong_byte_in_a_zip_whose_own_checksum_is_right_is_found_by_the_checksum_of_the_network()
    {
        // Most of the file are weights; what is not may be refused for what it has become.
        var messages = Enumerable.Range(1, 8).Select(place =>
        {
            var path = Changed((entries, _) =>
            {
                var index = entries.FindIndex(entry => entry.Content.AsSpan().IndexOf("class_names"u8) >= 0);
                entries[index].Content[entries[index].Content.Length * place / 9] ^= 1;
            });
            var error = Assert.Throws<InvalidDataException>(() => ImageClassifierPool.Load(path));
            Assert.Contains($"'{path}'", error.Message);
            Assert.Throws<InvalidDataException>(() => new MLContext().Model.ReadSearchInfo(path));
            return error.Message;
        });
        Assert.InRange(messages.Count(text => text.Contains("is damaged: its content is not what its checksum says")), 3, 8);
    }

    [Theory]
    [InlineData("a folder")]
    [InlineData("empty")]
    [InlineData("text")]
    public void What_is_no_zip_is_refused_by_name(string what)
    {
        var path = _folder.File(what);
        if (what == "a folder")
            Directory.CreateDirectory(path);
        else
            File.WriteAllText(path, what == "empty" ? "" : "no zip");
        var error = Assert.ThrowsAny<Exception>(() => ImageClassifierPool.Load(path));
        Assert.True(error is InvalidDataException or FileNotFoundException, error.ToString());
        Assert.Contains($"'{path}'", error.Message);
    }

    private string Changed(Action<List<(string Name, byte[] Content)>, int> change, int which = 0)
    {
        var entries = new List<(string Name, byte[] Content)>();
        using (var zip = ZipFile.OpenRead(model.Zip))
        {
            foreach (var entry in zip.Entries)
            {
                using var content = new MemoryStream();
                using (var stream = entry.Open())
                    stream.CopyTo(content);
                entries.Add((entry.FullName, content.ToArray()));
            }
        }
        change(entries, which % entries.Count);
        var path = _folder.File("changed.zip");
        using (var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create))
        {
            foreach (var (name, content) in entries)
            {
                using var stream = zip.CreateEntry(name).Open();
                stream.Write(content);
            }
        }
        return path;
    }
}
