using System.Xml.Linq;

namespace ZeroOneShot.Report;

/// <summary>A part of a page.</summary>
/// <param name="Id">What links name.</param>
/// <param name="Heading">What readers see.</param>
/// <param name="Content">What stands in it.</param>
internal sealed record Section(string Id, string Heading, IReadOnlyList<XElement> Content);
