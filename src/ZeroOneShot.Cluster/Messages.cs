using System.Text.Json.Serialization;

namespace ZeroOneShot.Cluster;

/// <summary>What coordinator and workers say to one another: these records, and nothing else.</summary>
internal abstract record Message;

/// <summary>A worker asks for a unit.</summary>
internal sealed record Pull(string Worker, string Version) : Message;

/// <summary>A unit for a worker, with what lies in its folder, and its data.</summary>
internal sealed record Assigned(
    string Unit, long Lease, double LeaseSeconds, string Settings, IReadOnlyList<FileNote> Files, IReadOnlyList<FileNote>? Data) : Message;

/// <summary>No unit now; ask again later, unless all is done.</summary>
internal sealed record Idle(double WaitSeconds, bool IsDone) : Message;

/// <summary>A part of a file of the unit's folder, or of its data, is wanted.</summary>
internal sealed record Fetch(string Unit, long Lease, string Path, long Offset, bool IsData) : Message;

/// <summary>A part of a file.</summary>
internal sealed record Chunk(byte[] Bytes) : Message;

/// <summary>A part of a file that the worker wrote.</summary>
internal sealed record Put(string Unit, long Lease, string Path, long Offset, byte[] Bytes) : Message;

/// <summary>The unit's folder is to hold these files: those that were put, and those that are as they were. Renews the lease.</summary>
internal sealed record Commit(string Unit, long Lease, IReadOnlyList<FileNote> Files, bool IsFinished) : Message;

/// <summary>A worker cannot go on with a unit.</summary>
internal sealed record GiveBack(string Unit, long Lease, string Reason, Fault Fault) : Message;

/// <summary>Who is to blame where a unit is given back.</summary>
internal enum Fault
{
    /// <summary>Nobody: the worker was stopped.</summary>
    None,

    /// <summary>The worker's machine, it seems: a file could not be read or written there.</summary>
    Files,

    /// <summary>The unit.</summary>
    Unit,
}

/// <summary>It is done. Of a commit, with what others did of the unit's parts and the worker does not have.</summary>
internal sealed record Accepted(IReadOnlyList<FileNote>? Parts = null) : Message;

/// <summary>The lease is over: stop, and throw away what was not committed.</summary>
internal sealed record Fenced : Message;

/// <summary>It is not done, and why.</summary>
internal sealed record Refused(string Reason) : Message;

/// <summary>Units are for members of the cluster alone: join, or join again.</summary>
internal sealed record NotAMember : Message;

/// <summary>A file of a folder.</summary>
internal sealed record FileNote(string Path, long Length, string Sha256);

[JsonSourceGenerationOptions(RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Pull))]
[JsonSerializable(typeof(Assigned))]
[JsonSerializable(typeof(Idle))]
[JsonSerializable(typeof(Fetch))]
[JsonSerializable(typeof(Chunk))]
[JsonSerializable(typeof(Put))]
[JsonSerializable(typeof(Commit))]
[JsonSerializable(typeof(GiveBack))]
[JsonSerializable(typeof(Accepted))]
[JsonSerializable(typeof(Fenced))]
[JsonSerializable(typeof(Refused))]
[JsonSerializable(typeof(NotAMember))]
internal sealed partial class MessageJson : JsonSerializerContext;
