namespace ZeroOneShot.Cluster;

/// <summary>A unit of work: a folder that a worker turns into a finished one.</summary>
/// <param name="Id">Its name: letters, digits, dots, hyphens and underscores.</param>
/// <param name="Folder">The folder at the coordinator; it may hold what an earlier worker left.</param>
/// <param name="Settings">What the worker is told beside the files, as text.</param>
/// <param name="DataFolder">Where its data lie at the coordinator; null for none. Workers get every file once, by its hash.</param>
public sealed record WorkUnit(string Id, string Folder, string Settings = "", string? DataFolder = null);
