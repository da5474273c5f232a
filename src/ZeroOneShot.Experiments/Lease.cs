namespace ZeroOneShot.Experiments;

/// <summary>A unit of work in the hands of one worker for a time.</summary>
/// <param name="Unit">The unit.</param>
/// <param name="Number">
/// The fencing token: greater than that of every earlier lease, those of earlier coordinators included. Whoever speaks with another number
/// than the unit's present one is not listened to.
/// </param>
/// <param name="Worker">The name of the worker.</param>
public sealed record Lease(string Unit, long Number, string Worker);
