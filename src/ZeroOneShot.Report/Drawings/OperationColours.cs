using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Report;

/// <summary>The same colour for the same operation everywhere, by its row in the table of its space.</summary>
internal sealed class OperationColours
{
    private readonly IReadOnlyList<string> _names;

    public OperationColours(SearchSpace space) => _names = [.. space.Operations.Select(operation => operation.Name)];

    /// <summary>The colours of the first space that has all these operations; of their own, where none has.</summary>
    public OperationColours(IEnumerable<string> operations)
    {
        string[] names = [.. operations.Distinct().Order(StringComparer.Ordinal)];
        var space = SearchSpace.All.FirstOrDefault(space => names.All(name => space.IndexOf(name) >= 0));
        _names = space is null ? names : [.. space.Operations.Select(operation => operation.Name)];
    }

    /// <summary>The class of a style, <c>o0</c> to <c>o7</c>.</summary>
    public string Of(string operation)
    {
        for (var row = 0; row < _names.Count; row++)
        {
            if (_names[row] == operation)
                return $"o{row % Palette.Operations}";
        }
        return "o0";
    }
}
