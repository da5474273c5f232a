namespace ZeroOneShot.Report;

/// <summary>
/// Where the parts of a cell stand, in layers from left to right (Sugiyama's method): states stand in the layer of their longest path from
/// an input; the operations of an edge stand in the column before the state that it goes to; a state whose edges pass further columns keeps
/// a lane free in each, so that no edge runs through what it has nothing to do with.
/// </summary>
internal sealed class CellLayout
{
    private const double ColumnGap = 16, RowGap = 7, LaneHeight = 8, Margin = 10;
    private const int OrderingSweeps = 12, PlacingSweeps = 24;

    private readonly List<Item>[] _columns;

    public CellLayout(CellGraph graph, Func<CellGraph.Edge, (double Width, double Height)> sizeOfEdge, double stateSize, double endWidth)
    {
        var states = graph.Inputs + graph.Nodes;
        var layer = new int[states];
        foreach (var edge in graph.Edges.OrderBy(edge => edge.To))
            layer[edge.To] = Math.Max(layer[edge.To], layer[edge.From] + 1);
        var last = layer.Max() * 2 + 1;
        _columns = [.. Enumerable.Range(0, last + 1).Select(_ => new List<Item>())];
        States = [.. Enumerable.Range(0, states).Select(state =>
            Place(2 * layer[state], state < graph.Inputs ? endWidth : stateSize, stateSize))];
        Output = Place(last, endWidth, stateSize);
        Boxes = [.. graph.Edges.Select(edge =>
        {
            var (width, height) = sizeOfEdge(edge);
            return Place(2 * layer[edge.To] - 1, width, height);
        })];
        var lanes = new Dictionary<(int State, int Column), Item>();
        foreach (var (i, edge) in graph.Edges.Index())
        {
            Connect(Way(edge.From, Boxes[i]));
            Boxes[i].Connect(States[edge.To]);
        }
        foreach (var state in graph.Output)
            Connect(Way(state, Output));
        Order();
        PlaceColumns();
        PlaceRows();

        // From a state over its lanes to an item.
        IEnumerable<Item> Way(int from, Item to) => Enumerable.Range(States[from].Column + 1, to.Column - States[from].Column - 1)
            .Select(column => Lane(from, column)).Prepend(States[from]).Append(to);

        Item Lane(int state, int column) =>
            lanes.TryGetValue((state, column), out var lane) ? lane : lanes[(state, column)] = Place(column, null, LaneHeight);

        static void Connect(IEnumerable<Item> way)
        {
            foreach (var (a, b) in way.Zip(way.Skip(1)))
                a.Connect(b);
        }
    }

    /// <summary>The cell's states.</summary>
    public IReadOnlyList<Item> States { get; }

    /// <summary>The cell's output.</summary>
    public Item Output { get; }

    /// <summary>The operations of every edge.</summary>
    public IReadOnlyList<Item> Boxes { get; }

    /// <summary>All connections, each from one column to the next.</summary>
    public IEnumerable<(Item From, Item To)> Connections => _columns.SelectMany(items => items)
        .SelectMany(item => item.After.Select(after => (item, after)));

    public double Width { get; private set; }

    public double Height { get; private set; }

    private Item Place(int column, double? width, double height)
    {
        var item = new Item(column, width, height) { Rank = _columns[column].Count };
        _columns[column].Add(item);
        return item;
    }

    /// <summary>Orders the items of every column by where their neighbours stand, and keeps the order with the fewest crossings.</summary>
    private void Order()
    {
        var best = (Crossings: Crossings(), Order: Current());
        for (var sweep = 0; sweep < OrderingSweeps && best.Crossings > 0; sweep++)
        {
            var forwards = sweep % 2 == 0;
            foreach (var column in forwards ? _columns : _columns.AsEnumerable().Reverse())
            {
                column.Sort((a, b) => (Center(a), a.Rank).CompareTo((Center(b), b.Rank)));
                foreach (var (rank, item) in column.Index())
                    item.Rank = rank;
            }
            if (Crossings() is var crossings && crossings < best.Crossings)
                best = (crossings, Current());

            double Center(Item item)
            {
                var neighbours = forwards ? item.Before : item.After;
                return neighbours.Count == 0 ? item.Rank : neighbours.Average(other => (other.Rank + 0.5) / _columns[other.Column].Count)
                    * _columns[item.Column].Count - 0.5;
            }
        }
        for (var column = 0; column < _columns.Length; column++)
        {
            _columns[column] = best.Order[column];
            foreach (var (rank, item) in _columns[column].Index())
                item.Rank = rank;
        }

        List<Item>[] Current() => [.. _columns.Select(column => new List<Item>(column))];
    }

    private int Crossings()
    {
        var crossings = 0;
        foreach (var column in _columns)
        {
            var lines = column.SelectMany(item => item.After.Select(after => (From: item.Rank, To: after.Rank))).ToArray();
            for (var i = 0; i < lines.Length; i++)
            {
                for (var j = 0; j < i; j++)
                    crossings += (lines[i].From - lines[j].From) * (lines[i].To - lines[j].To) < 0 ? 1 : 0;
            }
        }
        return crossings;
    }

    private void PlaceColumns()
    {
        var x = Margin;
        foreach (var column in _columns)
        {
            var width = column.Count == 0 ? 0 : column.Max(item => item.Width);
            foreach (var item in column)
                (item.X, item.Width) = (x + width / 2, item.IsLane ? width : item.Width);
            x += width + ColumnGap;
        }
        Width = x - ColumnGap + Margin;
    }

    /// <summary>As near as possible to the mean of the neighbours, in order and without overlap.</summary>
    private void PlaceRows()
    {
        foreach (var column in _columns)
            Spread(column, [.. column.Select(_ => 0.0)]);
        for (var sweep = 0; sweep < PlacingSweeps; sweep++)
        {
            foreach (var column in sweep % 2 == 0 ? _columns : _columns.AsEnumerable().Reverse())
                Spread(column, [.. column.Select(item => item.Before.Concat(item.After).Average(other => other.Y))]);
        }
        var top = _columns.SelectMany(column => column).Min(item => item.Y - item.Height / 2) - Margin;
        foreach (var item in _columns.SelectMany(column => column))
            item.Y -= top;
        Height = _columns.SelectMany(column => column).Max(item => item.Y + item.Height / 2) + Margin;
    }

    // Least squares in order: items that would overlap become a block around their mean (pool adjacent violators).
    private static void Spread(List<Item> column, double[] wished)
    {
        if (column.Count == 0)
            return;
        var offsets = new double[column.Count];
        for (var i = 1; i < column.Count; i++)
            offsets[i] = offsets[i - 1] + (column[i - 1].Height + column[i].Height) / 2 + RowGap;
        var blocks = new List<(double Sum, int Count)>();
        for (var i = 0; i < column.Count; i++)
        {
            blocks.Add((wished[i] - offsets[i], 1));
            while (blocks is [.., var before, var after] && before.Sum / before.Count >= after.Sum / after.Count)
            {
                blocks.RemoveAt(blocks.Count - 1);
                blocks[^1] = (before.Sum + after.Sum, before.Count + after.Count);
            }
        }
        var next = 0;
        foreach (var (sum, count) in blocks)
        {
            for (var i = 0; i < count; i++, next++)
                column[next].Y = sum / count + offsets[next];
        }
    }

    /// <summary>A state, the operations of an edge, or a lane.</summary>
    /// <param name="column">Its column, from the left.</param>
    /// <param name="width">Its width; null for a lane, which crosses its column.</param>
    /// <param name="height">Its height.</param>
    internal sealed class Item(int column, double? width, double height)
    {
        public int Column { get; } = column;

        public double Width { get; set; } = width ?? 0;

        public double Height { get; } = height;

        /// <summary>Of its middle.</summary>
        public double X { get; set; }

        /// <inheritdoc cref="X"/>
        public double Y { get; set; }

        /// <summary>Its place in the column, from 0.</summary>
        public int Rank { get; set; }

        public List<Item> Before { get; } = [];

        public List<Item> After { get; } = [];

        public bool IsLane { get; } = width is null;

        public void Connect(Item next)
        {
            if (After.Contains(next))
                return;
            After.Add(next);
            next.Before.Add(this);
        }
    }
}
