namespace ZeroOneShot.Report;

/// <summary>A line of a table: what, and how much or which.</summary>
/// <param name="Name">What.</param>
/// <param name="Value">How much or which.</param>
public sealed record ReportFact(string Name, string Value);
