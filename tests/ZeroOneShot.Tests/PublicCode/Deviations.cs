using Xunit;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.PublicCode;

/// <summary>
/// How far our results are from recorded ones: the norm of the difference over the norm of the reference (over 1 where that is 0). The
/// largest deviation is printed, then each is held against the bound.
/// </summary>
internal sealed class Deviations(string title, double bound)
{
    private readonly double _bound = TestDevice.Bound(bound);
    private readonly List<(string What, double Deviation)> _all = [];

    public void Add(string what, Tensor ours, Tensor reference)
    {
        using var scope = NewDisposeScope();
        Assert.True(ours.shape.SequenceEqual(reference.shape),
            $"{title}, {what}: our shape is [{string.Join(", ", ours.shape)}], the recorded one [{string.Join(", ", reference.shape)}].");
        var expected = reference.to(ScalarType.Float64).cpu();
        var difference = (ours.detach().to(ScalarType.Float64).cpu() - expected).norm().item<double>();
        Add(what, (difference, expected.norm().item<double>()));
    }

    public void Add(string what, double ours, double reference) => Add(what, (Math.Abs(ours - reference), Math.Abs(reference)));

    /// <summary>Fails with the worst ones where the bound is passed.</summary>
    public void Check()
    {
        Assert.NotEmpty(_all);
        var worst = _all.OrderByDescending(entry => double.IsNaN(entry.Deviation) ? double.PositiveInfinity : entry.Deviation)
            .Take(5).ToArray();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{title}: {_all.Count} values, largest deviation {worst[0].Deviation:0.0e+00} ({worst[0].What}), bound {_bound:0e+00}, " +
            $"on {TestDevice.Current}");
        Assert.True(worst[0].Deviation <= _bound,
            $"{title}: {_all.Count(entry => !(entry.Deviation <= _bound))} of {_all.Count} values deviate by more than {_bound:0e+00}:\n" +
            string.Join("\n", worst.Select(entry => $"  {entry.What}: {entry.Deviation:0.0e+00}")));
    }

    private void Add(string what, (double Difference, double Norm) deviation) =>
        _all.Add((what, deviation.Norm > 0 ? deviation.Difference / deviation.Norm : deviation.Difference));
}
