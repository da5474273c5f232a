using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>
/// A genotype of the DARTS space as numbers. None of them depends on the order of the two edges into a node, or on how nodes are numbered
/// that the cell's output concatenates: two ways to write one network have the same features.
/// </summary>
internal static class GenotypeFeatures
{
    private const int Nodes = 4, Inputs = 2, EdgesPerNode = 2, States = Inputs + Nodes;

    // The rows of a cell's tables: where an edge comes from (either input, or a node) and its operation.
    private const int Sources = 3;

    private static readonly CandidateOperation[] s_operations = [.. SearchSpace.Darts.Operations.Where(row => row.CanBeChosen)];

    private static readonly Dictionary<string, int> s_rows =
        s_operations.Index().ToDictionary(at => at.Item.Name, at => at.Index);

    // What an operation does to a path: weights per channel and convolutions in relation to a separable 3x3, and pixels that it sees.
    private static readonly double[][] s_sizes =
    [
        Sizes(("sep_conv_3x3", 2), ("sep_conv_5x5", 2.4), ("dil_conv_3x3", 1), ("dil_conv_5x5", 1.2)),
        Sizes(("sep_conv_3x3", 2), ("sep_conv_5x5", 2), ("dil_conv_3x3", 1), ("dil_conv_5x5", 1)),
        Sizes(("max_pool_3x3", 1), ("avg_pool_3x3", 1), ("sep_conv_3x3", 2), ("sep_conv_5x5", 4), ("dil_conv_3x3", 2), ("dil_conv_5x5", 4)),
    ];

    private static int Operations => s_operations.Length;

    private static int Pairs => Operations * (Operations + 1) / 2;

    /// <summary>How many features all models see, which stand first.</summary>
    public static int Count { get; } = Of(PublishedGenotypes.DartsV1, linear: false).Length;

    /// <summary>How many there are with those that only the linear model sees.</summary>
    public static int LinearCount { get; } = Of(PublishedGenotypes.DartsV1, linear: true).Length;

    /// <summary>The features of a genotype.</summary>
    /// <param name="genotype">A genotype of <see cref="SearchSpace.Darts"/>.</param>
    /// <param name="linear">
    /// Whether products of counts, and operations by what feeds them, come along: trees find such by themselves.
    /// </param>
    public static float[] Of(Genotype genotype, bool linear)
    {
        var features = new List<float>(linear ? LinearCount : Count);
        Cell[] cells = [new(genotype.Normal), new(genotype.Reduction!)];
        foreach (var cell in cells)
            cell.AddTo(features);
        if (!linear)
            return [.. features];
        foreach (var cell in cells)
            features.AddRange(cell.OperationsByFeedingPair());
        var counts = cells.SelectMany(cell => cell.OperationCounts()).ToArray();
        for (var a = 0; a < counts.Length; a++)
        {
            for (var b = a; b < counts.Length; b++)
                features.Add(counts[a] * counts[b]);
        }
        return [.. features];
    }

    private static double[] Sizes(params (string Name, double Size)[] sizes)
    {
        var byRow = new double[Operations];
        foreach (var (name, size) in sizes)
            byRow[s_rows[name]] = size;
        return byRow;
    }

    private static int Pair(int a, int b)
    {
        var (low, high) = (Math.Min(a, b), Math.Max(a, b));
        return high * (high + 1) / 2 + low;
    }

    /// <summary>A cell's edges: where they come from, and the rows of their operations.</summary>
    private sealed class Cell(CellGenotype genotype)
    {
        private readonly int[] _from = [.. genotype.Edges.Select(edge => edge.Input)];
        private readonly int[] _row = [.. genotype.Edges.Select(edge => s_rows[edge.Operation])];

        public void AddTo(List<float> features)
        {
            AddCounts(features);
            AddDepths(features);
            AddSuccessions(features);
            AddPaths(features);
            AddNodePairs(features);
            foreach (var size in s_sizes)
                AddSizes(features, size);
        }

        public float[] OperationCounts() => Counts(Operations, edge => _row[edge]);

        /// <summary>Every operation by the state that feeds it: an input, or a node of two operations.</summary>
        public float[] OperationsByFeedingPair() => Counts((Inputs + Pairs) * Operations, edge =>
        {
            var node = _from[edge] - Inputs;
            var feeding = node < 0 ? _from[edge] : Inputs + Pair(_row[EdgesPerNode * node], _row[EdgesPerNode * node + 1]);
            return feeding * Operations + _row[edge];
        });

        private void AddCounts(List<float> features)
        {
            features.AddRange(Counts(Sources * Operations, edge => Math.Min(_from[edge], Inputs) * Operations + _row[edge]));
            features.AddRange(OperationCounts());
            features.AddRange(Counts(Inputs + 1, edge => Math.Min(_from[edge], Inputs))[..Inputs]);
        }

        // The depth of a node is the number of edges on its longest path from an input, or on its shortest.
        private void AddDepths(List<float> features)
        {
            var longest = new int[States];
            var shortest = new int[States];
            for (var node = 0; node < Nodes; node++)
            {
                var (a, b) = Ends(node);
                longest[Inputs + node] = 1 + Math.Max(longest[a], longest[b]);
                shortest[Inputs + node] = 1 + Math.Min(shortest[a], shortest[b]);
            }
            features.AddRange(Counts(Nodes * Operations, edge => (longest[Inputs + edge / EdgesPerNode] - 1) * Operations + _row[edge]));
            features.AddRange(longest[Inputs..].Order().Select(depth => (float)depth));
            features.AddRange(shortest[Inputs..].Order().Select(depth => (float)depth));
            features.Add(longest.Sum());
            features.AddRange(Enumerable.Range(1, Nodes).Select(depth => (float)longest.Count(at => at == depth)));
        }

        // How often an operation follows another one.
        private void AddSuccessions(List<float> features)
        {
            var counts = new float[Operations * Operations];
            for (var edge = 0; edge < _from.Length; edge++)
            {
                for (var k = 0; k < EdgesPerNode && _from[edge] >= Inputs; k++)
                    counts[_row[EdgesPerNode * (_from[edge] - Inputs) + k] * Operations + _row[edge]]++;
            }
            features.AddRange(counts);
        }

        // Through how many paths from the inputs to the output an operation takes part.
        private void AddPaths(List<float> features)
        {
            var (before, after) = (new float[States], new float[States]);
            before[0] = before[1] = 1;
            for (var node = 0; node < Nodes; node++)
            {
                var (a, b) = Ends(node);
                before[Inputs + node] = before[a] + before[b];
            }
            for (var node = Nodes - 1; node >= 0; node--)
            {
                var (a, b) = Ends(node);
                after[Inputs + node]++;                                              // the node itself is part of the output
                after[a] += after[Inputs + node];
                after[b] += after[Inputs + node];
            }
            float After(int edge) => after[Inputs + edge / EdgesPerNode];
            features.AddRange(Sums(Operations, edge => _row[edge], edge => before[_from[edge]] * After(edge)));
            features.AddRange(Sums(Operations, edge => _row[edge], After));
            features.AddRange(Sums(Inputs * Operations, edge => _from[edge] < Inputs ? _from[edge] * Operations + _row[edge] : -1, After));
            features.AddRange([before[Inputs..].Sum(), after[0], after[1]]);
        }

        // Which two operations meet in a node.
        private void AddNodePairs(List<float> features)
        {
            var counts = new float[Pairs];
            for (var node = 0; node < Nodes; node++)
                counts[Pair(_row[EdgesPerNode * node], _row[EdgesPerNode * node + 1])]++;
            features.AddRange(counts);
        }

        // The largest, the smallest and the mean sum of sizes on the paths to every node.
        private void AddSizes(List<float> features, double[] size)
        {
            var (most, least, mean) = (new double[States], new double[States], new double[States]);
            for (var node = 0; node < Nodes; node++)
            {
                var ((a, b), state) = (Ends(node), Inputs + node);
                var (sizeA, sizeB) = (size[_row[EdgesPerNode * node]], size[_row[EdgesPerNode * node + 1]]);
                most[state] = Math.Max(most[a] + sizeA, most[b] + sizeB);
                least[state] = Math.Min(least[a] + sizeA, least[b] + sizeB);
                mean[state] = (mean[a] + sizeA + mean[b] + sizeB) / 2;
            }
            features.AddRange([(float)most.Max(), (float)most.Sum(), (float)least.Sum(), (float)least.Max(), (float)least[Inputs..].Min(),
                (float)mean.Sum(), (float)mean.Max(), (float)_row.Sum(row => size[row])]);
        }

        private (int A, int B) Ends(int node) => (_from[EdgesPerNode * node], _from[EdgesPerNode * node + 1]);

        private float[] Counts(int length, Func<int, int> at) => Sums(length, at, _ => 1);

        private float[] Sums(int length, Func<int, int> at, Func<int, float> weight)
        {
            var sums = new float[length];
            for (var edge = 0; edge < _from.Length; edge++)
            {
                if (at(edge) is >= 0 and var place)
                    sums[place] += weight(edge);
            }
            return sums;
        }
    }
}
