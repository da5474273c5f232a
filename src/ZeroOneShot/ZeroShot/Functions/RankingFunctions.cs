using System.Globalization;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>The ranking functions that come with the library, by name, as command lines and settings call them.</summary>
public static class RankingFunctions
{
    private const string Regularised = "swap-regularised";

    /// <summary>
    /// All of them, with their defaults; the size that <see cref="SwapRegularised"/> prefers depends on the network, so that it is not
    /// among them, but has a name with its numbers (<see cref="Named"/>).
    /// </summary>
    public static IReadOnlyList<IRankingFunction> All { get; } =
    [
        new NngpNorm(), new NngpNorm(correlation: false), new NngpNorm(features: true), new NngpNorm(correlation: false, features: true),
        new Naswot(), new Swap(), new Zen(), new SynFlow(), new Snip(), new Plain(), new GradientNorm(), new Fisher(), new Grasp(),
        new JacobianCovariance(), new EpeNas(), new Zico(), new AzExpressivity(), new AzProgressivity(), new AzTrainability(),
        new NtkCondition(), new LinearRegions(), new L2Norm(), new Parameters(), new MultiplyAdds(),
        new SkipConnections(), new Shallowness(),
    ];

    /// <summary>The function of a name.</summary>
    /// <param name="name">
    /// For example <c>naswot</c>; capitals do not matter. <c>swap-regularised:MU:SIGMA</c>, for example <c>swap-regularised:40:40</c>, is
    /// <see cref="SwapRegularised"/> with these numbers.
    /// </param>
    /// <exception cref="ArgumentException">There is none of that name; the message lists those there are.</exception>
    public static IRankingFunction Named(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var parts = name.Split(':');
        if (parts[0].Equals(Regularised, StringComparison.OrdinalIgnoreCase))
        {
            return parts is [_, var mu, var sigma] && Number(mu) is >= 0 and var m && Number(sigma) is > 0 and var s
                ? new SwapRegularised(m, s)
                : throw new ArgumentException($"'{name}' does not say what size it prefers; expected {Regularised}:MU:SIGMA, in " +
                    $"thousands of parameters and their square, for example {Regularised}:40:40.", nameof(name));
        }
        return All.FirstOrDefault(function => string.Equals(function.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException(
                $"There is no ranking function '{name}'; there are {string.Join(", ", All.Select(function => function.Name))}, " +
                $"{Regularised}:MU:SIGMA.", nameof(name));

        static double? Number(string text) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
                ? number : null;
    }

    /// <summary>The functions of a list of names.</summary>
    /// <param name="names">Names with commas between them, for example <c>naswot,swap</c>.</param>
    /// <exception cref="ArgumentException">The list is empty, or names something twice, or something that there is not.</exception>
    public static IReadOnlyList<IRankingFunction> Parse(string names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var functions = names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Named).ToArray();
        if (functions.Length == 0)
            throw new ArgumentException("The list of ranking functions is empty; give names such as 'naswot,swap'.", nameof(names));
        if (functions.GroupBy(function => function.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException($"The list names '{twice.Key}' twice; name every function once.", nameof(names));
        return functions;
    }
}
