using Xunit;
using ZeroOneShot.Data;

namespace ZeroOneShot.Tests.Data;

public sealed class CifarFilesTests
{
    [Fact]
    public void Any_number_of_training_files_is_read_in_numerical_order()
    {
        using var folder = new TemporaryFolder();
        folder.Write("data_batch_10.bin", Record([3], 30));
        folder.Write("data_batch_2.bin", [.. Record([1], 10), .. Record([2], 20)]);
        folder.Write("test_batch.bin", Record([9], 90));
        var train = CifarFiles.Read10(folder.FullName, CifarPart.Train);
        Assert.Equal("3x32x32", train.Shape.ToString());
        Assert.Equal([1, 2, 3], Labels(train));
        Assert.Equal([10, 20, 30], Enumerable.Range(0, 3).Select(i => (int)train.Pixels(i)[3071]));
        Assert.Equal([9], Labels(CifarFiles.Read10(folder.FullName, CifarPart.Test)));
        Assert.Equal("airplane", train.ClassNames[0]);
    }

    [Fact]
    public void One_file_is_read_whatever_the_part()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("some.bin", Record([4], 1));
        Assert.Equal([4], Labels(CifarFiles.Read10(file, CifarPart.Test)));
    }

    [Fact]
    public void CIFAR_100_gives_fine_labels_and_coarse_ones_when_asked()
    {
        using var folder = new TemporaryFolder();
        folder.Write("train.bin", [.. Record([19, 99], 7), .. Record([0, 5], 8)]);
        var fine = CifarFiles.Read100(folder.FullName, CifarPart.Train);
        var coarse = CifarFiles.Read100(folder.FullName, CifarPart.Train, coarse: true);
        Assert.Equal([99, 5], Labels(fine));
        Assert.Equal([19, 0], Labels(coarse));
        Assert.Equal((100, "99"), (fine.ClassCount, fine.ClassNames[99]));
        Assert.Equal((20, "19"), (coarse.ClassCount, coarse.ClassNames[19]));
        Assert.Equal(8, fine.Pixels(1)[0]);
    }

    [Fact]
    public void Class_names_beside_the_files_are_used()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("test_batch.bin", Record([4], 1));
        File.WriteAllLines(Path.Combine(folder.FullName, "batches.meta.txt"), [.. "abcdefghij".Select(letter => letter.ToString()), ""]);
        Assert.Equal("e", CifarFiles.Read10(folder.FullName, CifarPart.Test).ClassNames[4]);
        Assert.Equal("e", CifarFiles.Read10(file, CifarPart.Test).ClassNames[4]);
    }

    [Fact]
    public void Too_few_class_names_are_refused_with_the_file()
    {
        using var folder = new TemporaryFolder();
        folder.Write("test_batch.bin", Record([4], 1));
        File.WriteAllText(Path.Combine(folder.FullName, "batches.meta.txt"), "cat\ndog\n");
        var error = Assert.Throws<InvalidDataException>(() => CifarFiles.Read10(folder.FullName, CifarPart.Test));
        Assert.Contains("batches.meta.txt' has 2 class names; expected 10", error.Message);
    }

    [Fact]
    public void A_folder_that_does_not_exist_is_named_with_what_was_looked_for()
    {
        using var folder = new TemporaryFolder();
        var missing = Path.Combine(folder.FullName, "missing");
        var error = Assert.Throws<FileNotFoundException>(() => CifarFiles.Read10(missing, CifarPart.Train));
        Assert.Contains(missing, error.Message);
        Assert.Contains("data_batch_*.bin", error.Message);
    }

    [Fact]
    public void A_folder_without_the_part_is_named_with_what_was_looked_for()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("has no 'test_batch.bin'",
            Assert.Throws<FileNotFoundException>(() => CifarFiles.Read10(folder.FullName, CifarPart.Test)).Message);
        Assert.Contains("has no 'train.bin'",
            Assert.Throws<FileNotFoundException>(() => CifarFiles.Read100(folder.FullName, CifarPart.Train)).Message);
    }

    [Fact]
    public void A_part_that_does_not_exist_is_refused()
    {
        using var folder = new TemporaryFolder();
        Assert.Throws<ArgumentOutOfRangeException>(() => CifarFiles.Read10(folder.FullName, (CifarPart)7));
    }

    [Fact]
    public void A_truncated_file_is_refused_with_its_length_and_that_of_a_record()
    {
        using var folder = new TemporaryFolder();
        folder.Write("data_batch_1.bin", new byte[3073]);
        folder.Write("data_batch_2.bin", new byte[3073 + 100]);
        var error = Assert.Throws<InvalidDataException>(() => CifarFiles.Read10(folder.FullName, CifarPart.Train));
        Assert.Contains("data_batch_2.bin' has 3173 bytes; expected a multiple of 3073", error.Message);
        folder.Write("test.bin", new byte[3073]);
        error = Assert.Throws<InvalidDataException>(() => CifarFiles.Read100(folder.FullName, CifarPart.Test));
        Assert.Contains("test.bin' has 3073 bytes; expected a multiple of 3074", error.Message);
    }

    [Fact]
    public void An_empty_file_is_refused()
    {
        using var folder = new TemporaryFolder();
        folder.Write("test_batch.bin");
        Assert.Contains("test_batch.bin' is empty",
            Assert.Throws<InvalidDataException>(() => CifarFiles.Read10(folder.FullName, CifarPart.Test)).Message);
    }

    [Fact]
    public void A_label_out_of_range_is_refused_with_file_record_and_range()
    {
        using var folder = new TemporaryFolder();
        folder.Write("test_batch.bin", [.. Record([9], 0), .. Record([10], 0)]);
        Assert.Matches("test_batch.bin', record 1 .* label 10 .* allows 0 to 9",
            Assert.Throws<InvalidDataException>(() => CifarFiles.Read10(folder.FullName, CifarPart.Test)).Message);
        folder.Write("test.bin", Record([20, 0], 0));
        Assert.Matches("record 0 .* label 20 in byte 0; .* allows 0 to 19",
            Assert.Throws<InvalidDataException>(() => CifarFiles.Read100(folder.FullName, CifarPart.Test)).Message);
        folder.Write("test.bin", Record([0, 100], 0));
        Assert.Matches("record 0 .* label 100 in byte 1; .* allows 0 to 99",
            Assert.Throws<InvalidDataException>(() => CifarFiles.Read100(folder.FullName, CifarPart.Test, coarse: true)).Message);
    }

    [Fact]
    public void The_kind_of_a_folder_is_told_from_its_files()
    {
        using var folder = new TemporaryFolder();
        Assert.False(CifarFiles.TryDetect(folder.FullName, out _));
        Assert.False(CifarFiles.TryDetect(Path.Combine(folder.FullName, "missing"), out _));
        folder.Write("train.bin", new byte[100]);
        Assert.False(CifarFiles.TryDetect(folder.FullName, out _));
        folder.Write("train.bin", Record([0, 0], 0));
        Assert.True(CifarFiles.TryDetect(folder.FullName, out var kind));
        Assert.Equal(CifarKind.Cifar100, kind);
        folder.Write("data_batch_1.bin", Record([0], 0));
        Assert.True(CifarFiles.TryDetect(folder.FullName, out kind));
        Assert.Equal(CifarKind.Cifar10, kind);
    }

    [Fact]
    public void The_real_CIFAR_10_test_set_has_1000_images_of_each_class_and_the_published_statistics()
    {
        var folder = CifarData.FolderOrSkip("cifar-10-batches-bin");
        Assert.True(CifarFiles.TryDetect(folder, out var kind));
        Assert.Equal(CifarKind.Cifar10, kind);
        var test = CifarFiles.Read10(folder, CifarPart.Test);
        Assert.Equal(10_000, test.Count);
        Assert.All(test.ClassCounts(), count => Assert.Equal(1000, count));
        Assert.Equal("truck", test.ClassNames[9]);
        var statistics = test.Statistics();
        for (var c = 0; c < 3; c++)
        {
            // The constants are those of the training images.
            Assert.Equal(ChannelStatistics.Cifar10.Mean[c], statistics.Mean[c], 0.005f);
            Assert.Equal(ChannelStatistics.Cifar10.Std[c], statistics.Std[c], 0.005f);
        }
    }

    [Fact]
    public void The_real_CIFAR_10_training_files_are_read_one_after_another()
    {
        var folder = CifarData.FolderOrSkip("cifar-10-batches-bin");
        var files = Directory.GetFiles(folder, "data_batch_*.bin").Order(StringComparer.Ordinal).ToArray();
        var train = CifarFiles.Read10(folder, CifarPart.Train);
        var last = CifarFiles.Read10(files[^1], CifarPart.Train);
        Assert.Equal(files.Length * 10_000, train.Count);
        Assert.Equal(last.Label(9999), train.Label(train.Count - 1));
        Assert.True(train.Pixels(train.Count - 1).SequenceEqual(last.Pixels(9999)));
    }

    [Fact]
    public void The_real_CIFAR_100_has_names_and_balanced_classes_both_fine_and_coarse()
    {
        var folder = CifarData.FolderOrSkip("cifar-100-binary");
        Assert.True(CifarFiles.TryDetect(folder, out var kind));
        Assert.Equal(CifarKind.Cifar100, kind);
        var fine = CifarFiles.Read100(folder, CifarPart.Test);
        var coarse = CifarFiles.Read100(folder, CifarPart.Test, coarse: true);
        Assert.Equal(("apple", "worm"), (fine.ClassNames[0], fine.ClassNames[99]));
        Assert.Equal("aquatic_mammals", coarse.ClassNames[0]);
        Assert.Equal(fine.Count, coarse.Count);
        Assert.Single(fine.ClassCounts().Distinct());
        Assert.Single(coarse.ClassCounts().Distinct());
    }

    private static byte[] Record(byte[] labels, byte pixel) => [.. labels, .. Enumerable.Repeat(pixel, 3072)];

    private static IEnumerable<int> Labels(ImageSet set) => Enumerable.Range(0, set.Count).Select(set.Label);
}
