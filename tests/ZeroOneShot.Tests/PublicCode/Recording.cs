using System.Text.Json;
using Xunit;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.PublicCode;

/// <summary>A file of recorded results of the public code. What it is of (channels, cells, sizes) is read from it.</summary>
internal sealed class Recording(string name, string? folder = null)
{
    public SafetensorsFile File { get; } = SafetensorsFile.Read(Path.Combine(folder ?? Golden.Folder, name));

    public string Name => name;

    /// <summary>The recordings of a kind, for example <c>supernet_*.safetensors</c>.</summary>
    public static IEnumerable<string> Names(string pattern, string? folder = null) =>
        Directory.GetFiles(folder ?? Golden.Folder, pattern).Select(Path.GetFileName).Order()!;

    /// <summary>The recordings of a kind as the cases of a theory.</summary>
    public static TheoryData<string> Cases(string pattern) => [.. Names(pattern)];

    public string Text(string key) => File.Metadata[key];

    public int Number(string key) => int.Parse(Text(key));

    public string[] Texts(string key) => JsonSerializer.Deserialize<string[]>(Text(key))!;

    public bool Has(string tensor) => File.Contains(tensor);

    /// <summary>The names of the tensors under a prefix, the prefix left out.</summary>
    public IEnumerable<string> Under(string prefix) =>
        File.Tensors.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => key[prefix.Length..]);

    /// <summary>What the public code was given, in the precision to compute in. Belongs to the current scope.</summary>
    public Tensor Input(string tensor, ScalarType type)
    {
        using var loaded = File.Load(tensor);
        return loaded.is_floating_point()
            ? loaded.to(type, copy: true).to(TestDevice.Current)
            : loaded.clone().to(TestDevice.Current);
    }

    /// <summary>What the public code gave, in double precision. Belongs to the current scope.</summary>
    public Tensor Expected(string tensor) => Input(tensor, ScalarType.Float64);

    public double ExpectedNumber(string tensor)
    {
        using var value = Expected(tensor);
        return value.item<double>();
    }

    /// <summary>The search space of a recorded supernet: its operations by name, and as many nodes as its edges make.</summary>
    public SearchSpace Space()
    {
        var edges = File.Tensors["arch/alphas_normal"].Shape[0];
        return new SearchSpace("recorded", TopologyOf(edges), [.. Texts("primitives").Select(SearchSpace.Darts.Operation)]);
    }

    /// <summary>The cell with so many edges.</summary>
    public static CellTopology TopologyOf(long edges) =>
        Enumerable.Range(1, 20).Select(nodes => new CellTopology(nodes)).Single(cell => cell.EdgeCount == edges);

    /// <summary>The recorded mask.</summary>
    public OperationMask Mask(SearchSpace space)
    {
        using var mask = File.Load("mask");
        var live = mask.data<bool>().ToArray();
        var (edges, operations) = (space.Topology.EdgeCount, space.Operations.Count);
        return OperationMask.Create(space, (kind, edge, operation) => live[((int)kind * edges + edge) * operations + operation]);
    }
}
