using CsCheck;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Tests.SearchSpaces;

/// <summary>Random genotypes and masks.</summary>
internal static class Generated
{
    private static readonly string[] s_choosable =
        [.. SearchSpace.Darts.Operations.Where(operation => operation.CanBeChosen).Select(operation => operation.Name)];

    /// <summary>A cell of 4 nodes: two different inputs per node, any operation on each.</summary>
    public static Gen<CellGenotype> Cell { get; } =
        Gen.Select(Gen.Int[0, 1_000_000].Array[8], Gen.Int[0, s_choosable.Length - 1].Array[8], (inputs, operations) => new CellGenotype(
            Enumerable.Range(0, 8).Select(i => new GenotypeEdge(s_choosable[operations[i]], Input(inputs, i)))));

    public static Gen<Genotype> Genotype { get; } = Gen.Select(Cell, Cell, (normal, reduction) => new Genotype(normal, reduction));

    /// <summary>Cells of 1 to 6 nodes that concatenate some of their states, in any order.</summary>
    public static Gen<Genotype> AnyGenotype { get; } =
        Gen.Select(AnyCell(), AnyCell(), (normal, reduction) => new Genotype(normal, reduction));

    /// <summary>A mask of the DARTS space of any density; every edge has at least one live operation, which may be <c>none</c>.</summary>
    public static Gen<OperationMask> Mask { get; } = Gen.Select(Gen.Int[0, 8], Gen.Int[0, 7].Array[224], (threshold, values) =>
        OperationMask.Create(SearchSpace.Darts, (kind, edge, operation) =>
        {
            var row = ((int)kind * 14 + edge) * 8;
            return values[row + operation] >= threshold || operation == values[row];
        }));

    /// <summary>A mask that leaves a genotype.</summary>
    public static Gen<OperationMask> UsableMask { get; } = Mask.Where(mask =>
    {
        try
        {
            mask.ThrowIfNoGenotype();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    });

    // Two different states before the node: the second is drawn from what the first leaves.
    private static int Input(int[] draws, int i)
    {
        var states = SearchSpace.Darts.Topology.Inputs + i / 2;
        var first = draws[i - i % 2] % states;
        return i % 2 == 0 ? first : (first + 1 + draws[i] % (states - 1)) % states;
    }

    private static Gen<CellGenotype> AnyCell() => Gen.Int[1, 6].SelectMany(nodes => Gen.Select(
        Gen.Int[0, 1_000_000].Array[2 * nodes],
        Gen.Int[0, s_choosable.Length - 1].Array[2 * nodes],
        Gen.Shuffle(Enumerable.Range(2, nodes).ToArray(), 1, nodes),
        (inputs, operations, concat) => new CellGenotype(
            Enumerable.Range(0, 2 * nodes).Select(i => new GenotypeEdge(s_choosable[operations[i]], inputs[i] % (2 + i / 2))), concat)));
}
