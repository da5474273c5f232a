using System.IO.Compression;
using Xunit;
using ZeroOneShot.Data;

namespace ZeroOneShot.Tests.Data;

public sealed class IdxFilesTests
{
    private static readonly byte[] s_images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];
    private static readonly byte[] s_labels = [0, 0, 8, 1, 0, 0, 0, 2, 1, 0];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Images_and_labels_are_read_plain_and_compressed(bool compressed)
    {
        using var folder = new TemporaryFolder();
        var images = folder.Write("images", compressed ? Zip(s_images) : s_images);
        var set = IdxFiles.Read(images, folder.Write("labels", compressed ? Zip(s_labels) : s_labels));
        Assert.Equal(new ImageShape(1, 1, 3), set.Shape);
        Assert.Equal([1, 0], [set.Label(0), set.Label(1)]);
        Assert.Equal([4, 5, 6], set.Pixels(1).ToArray());
        Assert.Equal(["0", "1"], set.ClassNames);
    }

    [Fact]
    public void Class_names_can_be_given()
    {
        using var folder = new TemporaryFolder();
        var set = IdxFiles.Read(folder.Write("images", s_images), folder.Write("labels", s_labels), ["shirt", "bag", "coat"]);
        Assert.Equal(["shirt", "bag", "coat"], set.ClassNames);
    }

    [Fact]
    public void A_label_without_a_class_name_is_refused_with_file_record_and_range()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<InvalidDataException>(
            () => IdxFiles.Read(folder.Write("images", s_images), folder.Write("labels", s_labels), ["shirt"]));
        Assert.Matches("labels', record 0 .* label 1; expected 0 to 0", error.Message);
    }

    [Fact]
    public void A_missing_file_is_named_with_what_was_expected_in_it()
    {
        using var folder = new TemporaryFolder();
        var images = folder.Write("images", s_images);
        var error = Assert.Throws<FileNotFoundException>(() => IdxFiles.Read(images, Path.Combine(folder.FullName, "nothing")));
        Assert.Contains($"'{Path.Combine(folder.FullName, "nothing")}'; expected an IDX file of labels", error.Message);
    }

    [Fact]
    public void An_empty_file_is_refused() => Assert.Contains("images' is empty", Refused([]));

    [Fact]
    public void Exchanged_files_are_refused_with_the_bytes_found_and_expected()
    {
        var message = Refused(s_labels);
        Assert.Contains("00000801; expected 00000803", message);
        Assert.Contains("exchanged", message);
    }

    [Fact]
    public void A_file_that_ends_in_its_first_bytes_is_refused() => Assert.Contains("begins with the bytes 0000;", Refused([0, 0]));

    [Fact]
    public void A_file_that_ends_in_its_header_is_refused() =>
        Assert.Contains("ends after 10 bytes, within its header of 16", Refused(s_images[..10]));

    [Fact]
    public void A_truncated_file_is_refused_with_both_lengths()
    {
        Assert.Contains("ends after 5 of the 6 bytes (2 x 1 x 3 images)", Refused(s_images[..^1]));
        Assert.Contains("ends after 5 of the 6 bytes (2 x 1 x 3 images)", Refused(Zip(s_images[..^1])));
    }

    [Fact]
    public void A_file_longer_than_its_header_says_is_refused() => Assert.Contains("goes on after the 6 bytes", Refused([.. s_images, 7]));

    [Fact]
    public void A_header_without_images_or_with_too_many_is_refused()
    {
        Assert.Contains("0 x 1 x 3", Refused([0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3]));
        Assert.Contains("4294967295 x 4294967295 x 4294967295", Refused([0, 0, 8, 3, .. Enumerable.Repeat((byte)255, 12)]));
    }

    [Fact]
    public void A_header_that_promises_more_than_the_file_can_hold_is_refused_before_anything_is_allocated()
    {
        var cases = Path.Combine(Repository.Root, "tests", "cases");
        var (images, labels) = (Path.Combine(cases, "i-lie4g"), Path.Combine(cases, "i-lie4g.labels"));
        Assert.Contains($"'{images}' says it holds", Assert.Throws<InvalidDataException>(() => IdxFiles.Read(images, labels)).Message);
        byte[] promises = [0, 0, 8, 3, 0, 0, 0x70, 0, 0, 0, 1, 0, 0, 0, 1, 0];         // 1.9 GB, which an array could hold
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("ends after 0 of the 1879048192 bytes", Refused(promises));
        Assert.Contains("ends after at most", Refused(Zip(promises)));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void A_gzip_file_that_unpacks_to_more_than_its_header_promises_is_left_unread()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("goes on after the 6 bytes", Refused(Zip([.. s_images, .. new byte[64 << 20]])));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 3L * (64 << 20));   // what the test itself makes
    }

    [Fact]
    public void A_damaged_gzip_file_is_refused_with_its_name()
    {
        var damaged = Zip(s_images);
        damaged[^8] ^= 0xFF; // the checksum
        Assert.Contains("images' begins as gzip, but cannot be unpacked", Refused(damaged));
    }

    [Fact]
    public void A_truncated_gzip_file_is_refused_with_its_name() => Assert.Contains("images'", Refused(Zip(s_images)[..^12]));

    [Fact]
    public void Different_numbers_of_images_and_labels_are_refused_with_both()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<InvalidDataException>(() => IdxFiles.Read(folder.Write("images", s_images),
            folder.Write("labels", 0, 0, 8, 1, 0, 0, 0, 3, 0, 0, 0)));
        Assert.Contains("has 2 images", error.Message);
        Assert.Contains("has 3 labels", error.Message);
    }

    [Fact]
    public void The_real_Fashion_MNIST_is_read_as_Debian_packages_it()
    {
        const string folder = "/usr/share/datasets/fashion-mnist";
        Assert.SkipUnless(Directory.Exists(folder), $"There is no {folder}; the Debian package dataset-fashion-mnist brings it.");
        var set = IdxFiles.Read(Path.Combine(folder, "t10k-images-idx3-ubyte.gz"), Path.Combine(folder, "t10k-labels-idx1-ubyte.gz"));
        Assert.Equal("1x28x28", set.Shape.ToString());
        Assert.All(set.ClassCounts(), count => Assert.Equal(1000, count));
    }

    private static string Refused(byte[] images)
    {
        using var folder = new TemporaryFolder();
        return Assert.Throws<InvalidDataException>(
            () => IdxFiles.Read(folder.Write("images", images), folder.Write("labels", s_labels))).Message;
    }

    private static byte[] Zip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress))
            gzip.Write(content);
        return packed.ToArray();
    }
}
