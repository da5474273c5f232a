using System.Buffers.Binary;
using System.Text;
using TorchSharp;
using Xunit;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests.Persistence;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    static SafetensorsTests() => TorchRuntime.EnsureLoaded();

    public static TheoryData<string> GoldenFiles =>
        [.. Directory.GetFiles(Golden.Folder, "*.safetensors").Select(f => Path.GetFileName(f)).Order()];

    public static TheoryData<torch.ScalarType> Types =>
    [
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
        torch.int8, torch.uint8, torch.@bool,
    ];

    public void Dispose() => _folder.Dispose();

    [Theory, MemberData(nameof(GoldenFiles))]
    public void Every_golden_file_is_read_to_its_last_tensor(string name)
    {
        var file = SafetensorsFile.Read(Golden.File(name));
        Assert.NotEmpty(file.Tensors);
        foreach (var entry in file.Tensors.Values)
        {
            using var scope = torch.NewDisposeScope();
            var tensor = file.Load(entry.Name, entry.DType, [.. entry.Shape]);
            Assert.Equal(entry.Shape, tensor.shape);
            Assert.True(tensor.to(torch.float64).isfinite().all().item<bool>(), entry.Name);
        }
    }

    [Fact]
    public void There_are_golden_files() => Assert.True(GoldenFiles.Count >= 9, $"{GoldenFiles.Count} in {Golden.Folder}");

    [Fact]
    public void Values_metadata_and_scalars_of_a_golden_file_are_those_recorded()
    {
        var file = SafetensorsFile.Read(Golden.File("primitives_stride1.safetensors"));
        Assert.Equal("8", file.Metadata["channels"]);
        using var scope = torch.NewDisposeScope();
        Assert.True(file.Load("skip_connect/input").equal(file.Load("skip_connect/output").to(torch.float32)).all().item<bool>());
        Assert.Equal(0, file.Load("none/output").abs().max().item<float>());
    }

    [Theory, MemberData(nameof(Types))]
    public void Every_type_comes_back_bit_for_bit(torch.ScalarType type)
    {
        using var scope = torch.NewDisposeScope();
        var tensor = (torch.arange(24).reshape(2, 3, 4) - 7).to(type);
        SafetensorsFile.Write(_folder.File("a"), [("x", tensor), ("scalar", tensor[1, 2, 3]), ("empty", torch.empty([0, 3], type))]);
        var file = SafetensorsFile.Read(_folder.File("a"));
        Assert.Equal(tensor.bytes, file.Load("x", type, [2, 3, 4]).bytes);
        Assert.Equal([0L, 3], file.Load("empty", type, [0, 3]).shape);
        Assert.Equal(tensor[1, 2, 3].to(torch.float64).item<double>(), file.Load("scalar", type, []).to(torch.float64).item<double>());
    }

    [Fact]
    public void Transposed_and_channels_last_tensors_are_stored_row_by_row()
    {
        using var scope = torch.NewDisposeScope();
        var images = torch.rand(2, 3, 4, 5);
        var values = new (string, torch.Tensor)[]
        {
            ("t", images.transpose(1, 3)), ("c", ChannelsLast(images)), ("s", images[torch.TensorIndex.Ellipsis, 2]),
        };
        SafetensorsFile.Write(_folder.File("a"), values);
        var file = SafetensorsFile.Read(_folder.File("a"));
        foreach (var (name, tensor) in values)
            Assert.True(file.Load(name).equal(tensor).all().item<bool>(), name);
    }

    [Fact]
    public void The_same_tensors_in_another_order_give_the_same_bytes()
    {
        using var scope = torch.NewDisposeScope();
        var values = new (string, torch.Tensor)[]
        {
            ("b", torch.ones(3)), ("a", torch.zeros(2, torch.int64)), ("c", torch.ones(1, torch.uint8)),
        };
        SafetensorsFile.Write(_folder.File("1"), values, new Dictionary<string, string> { ["k"] = "1", ["a"] = "é \"quoted\"" });
        SafetensorsFile.Write(_folder.File("2"), values.Reverse(), new Dictionary<string, string> { ["a"] = "é \"quoted\"", ["k"] = "1" });
        Assert.Equal(File.ReadAllBytes(_folder.File("1")), File.ReadAllBytes(_folder.File("2")));
        Assert.Equal("é \"quoted\"", SafetensorsFile.Read(_folder.File("1")).Metadata["a"]);
    }

    [Fact]
    public void Every_tensor_starts_at_a_multiple_of_its_element_size()
    {
        using var scope = torch.NewDisposeScope();
        SafetensorsFile.Write(
            _folder.File("a"), [("a", torch.ones(3, torch.uint8)), ("b", torch.ones(3)), ("c", torch.ones(1, torch.float64))]);
        var file = SafetensorsFile.Read(_folder.File("a"));
        Assert.Equal(["c", "b", "a"], file.Tensors.Keys);
        Assert.Equal(0L, BinaryPrimitives.ReadInt64LittleEndian(File.ReadAllBytes(_folder.File("a"))) % 8);
    }

    [Fact]
    public void Writing_and_reading_leave_no_tensor_behind()
    {
        using var scope = torch.NewDisposeScope();
        var tensor = ChannelsLast(torch.rand(2, 3, 4, 5));
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        SafetensorsFile.Write(_folder.File("a"), [("x", tensor)]);
        SafetensorsFile.Read(_folder.File("a")).Load("x").Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [InlineData("a", "a", "named 'a'")]
    [InlineData("a", "__metadata__", "metadata")]
    public void Names_that_cannot_be_stored_are_refused(string first, string second, string message)
    {
        using var x = torch.ones(1);
        var error = Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(_folder.File("a"), [(first, x), (second, x)]));
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void A_type_the_format_lacks_is_refused_and_nothing_is_written()
    {
        using var x = torch.ones(1, torch.complex64);
        var error = Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(_folder.File("a"), [("z", x)]));
        Assert.Contains("'z' is of type ComplexFloat32", error.Message);
        Assert.Empty(Directory.GetFiles(_folder.FullName));
    }

    [Fact]
    public void A_missing_tensor_is_named_with_the_file()
    {
        var file = Read("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 2);
        Assert.True(file.Contains("a"));
        Assert.False(file.Contains("b"));
        Assert.Contains($"'{file.Path}' has no tensor 'b'", Assert.Throws<InvalidDataException>(() => file.Load("b")).Message);
    }

    [Fact]
    public void A_tensor_of_another_shape_or_type_than_expected_is_refused()
    {
        var file = Read("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8);
        var shape = Assert.Throws<InvalidDataException>(() => file.Load("a", torch.float32, [1, 2]));
        Assert.Contains("Float32 of shape [2]; expected Float32 of shape [1, 2]", shape.Message);
        Assert.Contains("expected Int64", Assert.Throws<InvalidDataException>(() => file.Load("a", torch.int64, [2])).Message);
    }

    [Fact]
    public void A_file_that_changed_after_its_header_was_read_is_refused()
    {
        var file = Read("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 2);
        File.AppendAllText(file.Path, "x");
        Assert.Contains("has changed", Assert.Throws<InvalidDataException>(() => file.Load("a")).Message);
    }

    [Theory]
    [InlineData("[1]", 0, "does not begin with '{'")]
    [InlineData("{'a':", 0, "not valid JSON")]
    [InlineData("{} x", 0, "not valid JSON")]
    [InlineData("{'__metadata__':3}", 0, "'__metadata__' is a number")]
    [InlineData("{'__metadata__':{'k':3}}", 0, "a number for 'k'")]
    [InlineData("{'__metadata__':{'k':'1','k':'2'}}", 0, "names 'k' twice")]
    [InlineData(
        "{'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}," +
        "'a':{'dtype':'U8','shape':[1],'data_offsets':[1,2]}}",
        2, "'a' twice")]
    [InlineData("{'a':[]}", 0, "tensor 'a' is an array")]
    [InlineData("{'a':{'shape':[1],'data_offsets':[0,1]}}", 1, "tensor 'a' has no 'dtype'")]
    [InlineData("{'a':{'dtype':'U8','data_offsets':[0,1]}}", 1, "tensor 'a' has no 'shape'")]
    [InlineData("{'a':{'dtype':'U8','shape':[1]}}", 1, "tensor 'a' has no 'data_offsets'")]
    [InlineData(
        "{'a':{'dtype':'F8_E4M3','shape':[1],'data_offsets':[0,1]}}",
        1, "tensor 'a' has dtype 'F8_E4M3'; expected one of F64, F32")]
    [InlineData("{'a':{'dtype':7,'shape':[1],'data_offsets':[0,1]}}", 1, "tensor 'a' has dtype '7'")]
    [InlineData("{'a':{'dtype':'U8','shape':[-1],'data_offsets':[0,1]}}", 1, "shape of tensor 'a' holds -1")]
    [InlineData("{'a':{'dtype':'U8','shape':[1.5],'data_offsets':[0,1]}}", 1, "shape of tensor 'a' holds 1.5")]
    [InlineData("{'a':{'dtype':'U8','shape':1,'data_offsets':[0,1]}}", 1, "shape of tensor 'a' is a number")]
    [InlineData("{'a':{'dtype':'F64','shape':[4611686018427387904],'data_offsets':[0,1]}}", 1, "more elements")]
    [InlineData("{'a':{'dtype':'F32','shape':[2,3],'data_offsets':[0,20]}}", 20, "takes 24 bytes")]
    [InlineData("{'a':{'dtype':'U8','shape':[1],'data_offsets':[0]}}", 1, "data_offsets of tensor 'a' are [0]")]
    [InlineData("{'a':{'dtype':'U8','shape':[1],'data_offsets':[1,0]}}", 1, "begin <= end")]
    [InlineData("{'a':{'dtype':'U8','shape':[1],'data_offsets':[0,99999999999999999999]}}", 1, "data_offsets of tensor 'a' holds")]
    [InlineData("{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}}", 3, "tensor 'a' takes bytes 0 to 4")]
    [InlineData(
        "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}," +
        "'b':{'dtype':'U8','shape':[2],'data_offsets':[3,5]}}",
        5, "'b' begins at byte 3 and overlaps 'a'")]
    [InlineData(
        "{'b':{'dtype':'U8','shape':[2],'data_offsets':[2,4]}," +
        "'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}",
        4, "bytes 1 to 2, before tensor 'b'")]
    [InlineData("{'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}", 3, "bytes 1 to 3, after tensor 'a'")]
    [InlineData("{}", 3, "bytes 0 to 3 belong to no tensor")]
    [InlineData("{'\\ud800':1}", 0, "not valid Unicode")]
    public void A_damaged_header_is_refused_by_the_first_thing_wrong(string json, int dataLength, string message)
    {
        var error = Assert.Throws<InvalidDataException>(() => Read(json.Replace('\'', '"'), dataLength));
        Assert.Contains(message, error.Message);
        Assert.Contains($"'{_folder.File("file")}'", error.Message);
    }

    [Fact]
    public void Any_single_wrong_byte_in_the_header_is_either_harmless_or_refused()
    {
        var good = File.ReadAllBytes(Golden.File("beta_decay.safetensors"));
        var headerEnd = 8 + BinaryPrimitives.ReadInt64LittleEndian(good);
        for (var i = 0; i < headerEnd; i++)
        {
            var bad = good.ToArray();
            bad[i] ^= (byte)(1 << (i % 8));
            File.WriteAllBytes(_folder.File("file"), bad);
            if (Record.Exception(() => SafetensorsFile.Read(_folder.File("file"))) is { } error)
                Assert.IsType<InvalidDataException>(error);
        }
    }

    [Theory]
    [InlineData(5, "it has 5 bytes")]
    [InlineData(8, "its header should take")]
    [InlineData(40, "its header should take")]
    public void A_file_cut_in_its_header_is_refused(int length, string message)
    {
        File.WriteAllBytes(_folder.File("file"), File.ReadAllBytes(Golden.File("beta_decay.safetensors"))[..length]);
        Assert.Contains(message, ReadingFails());
    }

    [Fact]
    public void A_file_cut_in_its_data_is_refused()
    {
        File.WriteAllBytes(_folder.File("file"), File.ReadAllBytes(Golden.File("beta_decay.safetensors"))[..^1]);
        Assert.Contains("cut or damaged", ReadingFails());
    }

    [Fact]
    public void A_header_longer_than_the_format_allows_is_refused_without_being_read()
    {
        using (var stream = File.Create(_folder.File("file")))
        {
            stream.Write(BitConverter.GetBytes(100_000_001L));
            stream.SetLength(100_000_010);
        }
        Assert.Contains("the format allows", ReadingFails());
    }

    [Fact]
    public void A_negative_header_length_is_refused()
    {
        File.WriteAllBytes(_folder.File("file"), [.. BitConverter.GetBytes(-1L), (byte)'{', (byte)'}']);
        Assert.Contains("18446744073709551615 bytes", ReadingFails());
    }

    [Fact]
    public void A_header_that_is_not_UTF8_is_refused()
    {
        File.WriteAllBytes(_folder.File("file"), [.. BitConverter.GetBytes(4L), (byte)'{', 0xC0, 0xC0, (byte)'}']);
        Assert.Contains("UTF-8", ReadingFails());
    }

    private string ReadingFails() => Assert.Throws<InvalidDataException>(() => SafetensorsFile.Read(_folder.File("file"))).Message;

    private static torch.Tensor ChannelsLast(torch.Tensor images) => images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    private SafetensorsFile Read(string json, int dataLength)
    {
        var header = Encoding.UTF8.GetBytes(json);
        File.WriteAllBytes(_folder.File("file"), [.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[dataLength]]);
        return SafetensorsFile.Read(_folder.File("file"));
    }
}
