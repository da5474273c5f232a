namespace ZeroOneShot.Report;

/// <summary>A table of texts on a <see cref="TablePage"/>.</summary>
/// <param name="Caption">What it is.</param>
/// <param name="Columns">The headings.</param>
/// <param name="Rows">As many cells each as there are columns; the first says what the row is.</param>
public sealed record PageTable(string Caption, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);
