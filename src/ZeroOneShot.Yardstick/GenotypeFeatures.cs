using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>
/// A genotype of the DARTS space as numbers. None of them depends on the order of the two edges into a node, or on how nodes are numbered
/// that the cell's output concatenates: two ways to write one network have the same features.
/// </summary>
internal static class GenotypeFeatures
{
    private const int Nodes = 4, Inputs = 2, EdgesPerNode = 2, States = Inputs + Nodes, Edges = Nodes * EdgesPerNode, Cells = 2;

    // The rows of a cell's tables: where an edge comes from (either input, or a node) and its operation.
    private const int Sources = 3;

    private static readonly CandidateOperation[] s_operations = [.. SearchSpace.Darts.Operations.Where(row => row.CanBeChosen)];

    private static readonly Dictionary<string, int> s_rows =
        s_operations.Index().ToDictionary(at => at.Item.Name, at => at.Index);

    // How many features there are of what operations do to paths.
    private const int OfSizes = 8;

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
    public static int Count { get; } = Cells * (
        Sources * Operations + Operations + Inputs                                  // counts
        + Nodes * Operations + 3 * Nodes + 1                                        // depths
        + Operations * Operations                                                   // successions
        + (2 + Inputs) * Operations + 3                                             // paths
        + Pairs                                                                     // pairs into a node
        + s_sizes.Length * OfSizes);

    /// <summary>How many there are with those that only the linear model sees.</summary>
    public static int LinearCount { get; } =
        Count + Cells * (Inputs + Pairs) * Operations + Cells * Operations * (Cells * Operations + 1) / 2;

    /// <summary>The features of a genotype.</summary>
    /// <param name="genotype">A genotype of <see cref="SearchSpace.Darts"/>.</param>
    public static float[] Of(Genotype genotype)
    {
        var features = new float[LinearCount];
        Write(genotype, features);
        return features;
    }

    /// <summary>
    /// Writes the features of a genotype, without any memory of its own: first those that all models see, then what only the linear one
    /// sees, products of counts and operations by what feeds them, for trees find such by themselves.
    /// </summary>
    /// <param name="genotype">A genotype of <see cref="SearchSpace.Darts"/>.</param>
    /// <param name="features"><see cref="LinearCount"/> numbers.</param>
    public static void Write(Genotype genotype, Span<float> features)
    {
        features.Clear();
        var rest = features;
        Span<int> edges = stackalloc int[2 * Edges * Cells];
        Span<float> counts = stackalloc float[Cells * Operations];
        for (var cell = 0; cell < Cells; cell++)
        {
            var from = edges.Slice(2 * Edges * cell, Edges);
            var row = edges.Slice(2 * Edges * cell + Edges, Edges);
            var (ofCell, edge) = (cell == 0 ? genotype.Normal : genotype.Reduction!, 0);
            foreach (var at in ofCell.Edges)
                (from[edge], row[edge++]) = (at.Input, s_rows[at.Operation]);
            new Cell(from, row).WriteTo(Next(ref rest, Count / Cells));
        }
        for (var cell = 0; cell < Cells; cell++)
        {
            var from = edges.Slice(2 * Edges * cell, Edges);
            var row = edges.Slice(2 * Edges * cell + Edges, Edges);
            new Cell(from, row).WriteOperationsByFeedingPair(Next(ref rest, (Inputs + Pairs) * Operations));
            for (var edge = 0; edge < Edges; edge++)
                counts[cell * Operations + row[edge]]++;
        }
        var products = Next(ref rest, counts.Length * (counts.Length + 1) / 2);
        for (var (a, place) = (0, 0); a < counts.Length; a++)
        {
            for (var b = a; b < counts.Length; b++)
                products[place++] = counts[a] * counts[b];
        }
    }

    private static Span<float> Next(ref Span<float> rest, int count)
    {
        var next = rest[..count];
        rest = rest[count..];
        return next;
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
    private readonly ref struct Cell(ReadOnlySpan<int> from, ReadOnlySpan<int> row)
    {
        private readonly ReadOnlySpan<int> _from = from, _row = row;

        public void WriteTo(Span<float> features)
        {
            scoped var rest = features;
            WriteCounts(ref rest);
            WriteDepths(ref rest);
            WriteSuccessions(Next(ref rest, Operations * Operations));
            WritePaths(ref rest);
            WriteNodePairs(Next(ref rest, Pairs));
            foreach (var size in s_sizes)
                WriteSizes(Next(ref rest, OfSizes), size);
        }

        /// <summary>Every operation by the state that feeds it: an input, or a node of two operations.</summary>
        public void WriteOperationsByFeedingPair(Span<float> counts)
        {
            for (var edge = 0; edge < Edges; edge++)
            {
                var node = _from[edge] - Inputs;
                var feeding = node < 0 ? _from[edge] : Inputs + Pair(_row[EdgesPerNode * node], _row[EdgesPerNode * node + 1]);
                counts[feeding * Operations + _row[edge]]++;
            }
        }

        private void WriteCounts(ref Span<float> rest)
        {
            var bySource = Next(ref rest, Sources * Operations);
            var byOperation = Next(ref rest, Operations);
            var byInput = Next(ref rest, Inputs);
            for (var edge = 0; edge < Edges; edge++)
            {
                bySource[Math.Min(_from[edge], Inputs) * Operations + _row[edge]]++;
                byOperation[_row[edge]]++;
                if (_from[edge] < Inputs)
                    byInput[_from[edge]]++;
            }
        }

        // The depth of a node is the number of edges on its longest path from an input, or on its shortest.
        private void WriteDepths(ref Span<float> rest)
        {
            Span<int> longest = stackalloc int[States], shortest = stackalloc int[States];
            longest.Clear();
            shortest.Clear();
            var sum = 0;
            for (var node = 0; node < Nodes; node++)
            {
                var (a, b) = Ends(node);
                longest[Inputs + node] = 1 + Math.Max(longest[a], longest[b]);
                shortest[Inputs + node] = 1 + Math.Min(shortest[a], shortest[b]);
                sum += longest[Inputs + node];
            }
            var byDepth = Next(ref rest, Nodes * Operations);
            for (var edge = 0; edge < Edges; edge++)
                byDepth[(longest[Inputs + edge / EdgesPerNode] - 1) * Operations + _row[edge]]++;
            WriteInOrder(longest[Inputs..], Next(ref rest, Nodes));
            WriteInOrder(shortest[Inputs..], Next(ref rest, Nodes));
            Next(ref rest, 1)[0] = sum;
            var nodes = Next(ref rest, Nodes);
            foreach (var depth in longest[Inputs..])
                nodes[depth - 1]++;
        }

        private static void WriteInOrder(ReadOnlySpan<int> depths, Span<float> features)
        {
            for (var i = 0; i < depths.Length; i++)
                features[i] = depths[i];
            features.Sort();
        }

        // How often an operation follows another one.
        private void WriteSuccessions(Span<float> counts)
        {
            for (var edge = 0; edge < Edges; edge++)
            {
                for (var k = 0; k < EdgesPerNode && _from[edge] >= Inputs; k++)
                    counts[_row[EdgesPerNode * (_from[edge] - Inputs) + k] * Operations + _row[edge]]++;
            }
        }

        // Through how many paths from the inputs to the output an operation takes part.
        private void WritePaths(ref Span<float> rest)
        {
            Span<float> before = stackalloc float[States], after = stackalloc float[States];
            before.Clear();
            after.Clear();
            before[0] = before[1] = 1;
            var all = 0f;
            for (var node = 0; node < Nodes; node++)
            {
                var (a, b) = Ends(node);
                before[Inputs + node] = before[a] + before[b];
                all += before[Inputs + node];
            }
            for (var node = Nodes - 1; node >= 0; node--)
            {
                var (a, b) = Ends(node);
                after[Inputs + node]++;                                              // the node itself is part of the output
                after[a] += after[Inputs + node];
                after[b] += after[Inputs + node];
            }
            var through = Next(ref rest, Operations);
            var behind = Next(ref rest, Operations);
            var ofInputs = Next(ref rest, Inputs * Operations);
            for (var edge = 0; edge < Edges; edge++)
            {
                var paths = after[Inputs + edge / EdgesPerNode];
                through[_row[edge]] += before[_from[edge]] * paths;
                behind[_row[edge]] += paths;
                if (_from[edge] < Inputs)
                    ofInputs[_from[edge] * Operations + _row[edge]] += paths;
            }
            var sums = Next(ref rest, 3);
            (sums[0], sums[1], sums[2]) = (all, after[0], after[1]);
        }

        // Which two operations meet in a node.
        private void WriteNodePairs(Span<float> counts)
        {
            for (var node = 0; node < Nodes; node++)
                counts[Pair(_row[EdgesPerNode * node], _row[EdgesPerNode * node + 1])]++;
        }

        // The largest, the smallest and the mean sum of sizes on the paths to every node.
        private void WriteSizes(Span<float> features, double[] size)
        {
            Span<double> most = stackalloc double[States], least = stackalloc double[States], mean = stackalloc double[States];
            most.Clear();
            least.Clear();
            mean.Clear();
            var (ofMost, ofLeast, ofMean, ofRows) = (0.0, 0.0, 0.0, 0.0);
            var (highestMost, highestLeast, lowestLeast, highestMean) = (0.0, 0.0, double.PositiveInfinity, 0.0);
            for (var node = 0; node < Nodes; node++)
            {
                var ((a, b), state) = (Ends(node), Inputs + node);
                var (sizeA, sizeB) = (size[_row[EdgesPerNode * node]], size[_row[EdgesPerNode * node + 1]]);
                most[state] = Math.Max(most[a] + sizeA, most[b] + sizeB);
                least[state] = Math.Min(least[a] + sizeA, least[b] + sizeB);
                mean[state] = (mean[a] + sizeA + mean[b] + sizeB) / 2;
                (ofMost, ofLeast, ofMean) = (ofMost + most[state], ofLeast + least[state], ofMean + mean[state]);
                (highestMost, highestMean) = (Math.Max(highestMost, most[state]), Math.Max(highestMean, mean[state]));
                (highestLeast, lowestLeast) = (Math.Max(highestLeast, least[state]), Math.Min(lowestLeast, least[state]));
            }
            foreach (var at in _row)
                ofRows += size[at];
            features[0] = (float)highestMost;
            features[1] = (float)ofMost;
            features[2] = (float)ofLeast;
            features[3] = (float)highestLeast;
            features[4] = (float)lowestLeast;
            features[5] = (float)ofMean;
            features[6] = (float)highestMean;
            features[7] = (float)ofRows;
        }

        private (int A, int B) Ends(int node) => (_from[EdgesPerNode * node], _from[EdgesPerNode * node + 1]);
    }
}
