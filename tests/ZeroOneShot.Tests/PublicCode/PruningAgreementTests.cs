using System.Text.Json;
using Xunit;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.PublicCode;

/// <summary>
/// Algorithm 1 against recorded traces. Their toy ranking functions give a network the value
/// constant + sum over edges of (E + E^2 / 10), E being the sum of the values of the edge's live operations.
/// </summary>
public sealed class PruningAgreementTests
{
    private static readonly JsonSerializerOptions s_snakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static Trace[] Traces { get; } =
        JsonSerializer.Deserialize<Trace[]>(File.ReadAllText(Golden.File("pruning.json")), s_snakeCase)!;

    public static TheoryData<int> Numbers => [.. Enumerable.Range(0, Traces.Length)];

    [Theory]
    [MemberData(nameof(Numbers))]
    public void Algorithm_1_prunes_as_recorded(int number)
    {
        var trace = Traces[number];
        var edges = new EdgesOfTrace(trace);
        var criterion = Enum.Parse<RemainingCriterion>(trace.Rule, ignoreCase: true);
        var options = new PruningOptions
        {
            Level = edges.Level(trace.Xi, criterion), Criterion = criterion, ExcludeNone = false, OperationsPerRound = 1,
        };
        var rounds = PartialPruning.Prune(
            edges.Start, mask => [.. trace.Functions.Select(function => edges.Rank(mask, function))], options).Rounds;

        Assert.Equal(trace.Rounds.Length, rounds.Count);
        var deviations = new Deviations($"pruning.json, trace {number}", 1e-9);
        foreach (var (index, expected) in trace.Rounds.Index())
        {
            var importances = rounds[index].Importances;
            foreach (var score in expected.Scores)
            {
                var (kind, edge, operation) = ((int)score[0], (int)score[1], (int)score[2]);
                deviations.Add($"round {index}: cell {kind}, edge {edge}, operation {operation}",
                    importances[(CellKind)kind, edge, operation], score[3]);
            }
            Assert.Equal(expected.Scores.Length, importances.Candidates.Count(j => edges.IsOfTrace((j.Kind, j.Edge, j.Operation))));
            for (var cell = 0; cell < expected.MaskAfter.Length; cell++)
            {
                for (var edge = 0; edge < expected.MaskAfter[cell].Length; edge++)
                    Assert.Equal(expected.MaskAfter[cell][edge], edges.LiveOf(rounds[index].Mask, cell, edge));
            }
            deviations.Add($"round {index}: remaining fraction", edges.Remaining(rounds[index].Mask, criterion), expected.RemainingAfter);
        }
        deviations.Check();
    }

    [Fact]
    public void Equally_important_operations_go_lowest_row_first_until_one_per_edge_is_left()
    {
        var mask = OperationMask.Full(SearchSpace.Darts).Without(CellKind.Normal, 3, 0).Without(CellKind.Normal, 3, 1);
        var options = new PruningOptions { Level = 0, ExcludeNone = false, OperationsPerRound = 1 };
        // Edges differ, their operations do not.
        var rounds = PartialPruning.Prune(mask,
            live => [1 + live.AllEdges.Index().Sum(at => (at.Index + 1) * live.LiveCount(at.Item.Kind, at.Item.Edge))], options).Rounds;
        Assert.Equal(7, rounds.Count);
        foreach (var (index, round) in rounds.Index())
        {
            Assert.All(round.Mask.AllEdges, at => Assert.Equal(
                Enumerable.Range(0, 8).Skip(Math.Min(7, at == (CellKind.Normal, 3) ? index + 3 : index + 1)),
                round.Mask.Live(at.Kind, at.Edge)));
        }
    }

    /// <summary>
    /// A trace's edges in the cells of a search space. Where the trace has fewer edges than any such space, the edges that are over have
    /// one operation from the start: they lose none, and are taken out of the remaining fraction again.
    /// </summary>
    private sealed class EdgesOfTrace
    {
        private readonly int _edges, _operations, _own, _cells;

        public EdgesOfTrace(Trace trace)
        {
            var values = trace.Functions[0].Values;
            (_cells, _edges, _operations) = (values.Length, values[0].Length, values[0][0].Length);
            var topology = Enumerable.Range(1, 20).Select(nodes => new CellTopology(nodes)).First(cell => cell.EdgeCount >= _edges);
            var space = new SearchSpace("trace", topology, [.. SearchSpace.Darts.Operations.Take(_operations)]);
            Start = OperationMask.Create(
                space, (kind, edge, operation) => IsOfTrace((kind, edge, operation)) || operation == _operations - 1);
            _own = _cells * _edges;
        }

        public OperationMask Start { get; }

        private int Others => Start.Space.Kinds.Count * Start.Space.Topology.EdgeCount - _own;

        public bool IsOfTrace((CellKind Kind, int Edge, int Operation) at) => (int)at.Kind < _cells && at.Edge < _edges;

        public bool[] LiveOf(OperationMask mask, int cell, int edge) =>
            [.. Enumerable.Range(0, _operations).Select(operation => mask[(CellKind)cell, edge, operation])];

        public double Rank(OperationMask mask, ToyFunction function)
        {
            var rank = function.Constant;
            for (var cell = 0; cell < _cells; cell++)
            {
                for (var edge = 0; edge < _edges; edge++)
                {
                    var sum = mask.Live((CellKind)cell, edge).Sum(operation => function.Values[cell][edge][operation]);
                    rank += sum + sum * sum / 10;
                }
            }
            return rank;
        }

        public double Level(double xi, RemainingCriterion criterion) => criterion == RemainingCriterion.Architectures
            ? xi * Math.Pow(_operations, -Others)
            : (xi * _own * _operations + Others) / ((_own + Others) * _operations);

        public double Remaining(OperationMask mask, RemainingCriterion criterion) => criterion == RemainingCriterion.Architectures
            ? mask.RemainingFraction(criterion) * Math.Pow(_operations, Others)
            : (double)(mask.TotalLive - Others) / (_own * _operations);
    }

    private sealed record Trace(string Rule, double Xi, ToyFunction[] Functions, Round[] Rounds);

    private sealed record ToyFunction(double Constant, double[][][] Values);

    private sealed record Round(double[][] Scores, bool[][][] MaskAfter, double RemainingAfter);
}
