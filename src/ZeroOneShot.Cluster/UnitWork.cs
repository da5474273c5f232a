namespace ZeroOneShot.Cluster;

/// <summary>
/// Does a unit: goes on from what lies in the folder, writes whole files there as it goes along (<see cref="Persistence.AtomicFile"/>), and
/// returns when it is finished. What it leaves is brought to the coordinator again and again, so that another worker can go on.
/// It may ask for help by files of the folder (<see cref="Experiments.PartFiles"/>): a worker that finds no unit is then given a folder
/// with one such file, and what it leaves there comes into this one.
/// </summary>
/// <param name="folder">The worker's copy of the unit's folder.</param>
/// <param name="settings">What the coordinator says beside it.</param>
/// <param name="dataFolder">The worker's copy of the data; null where there are none.</param>
/// <param name="cancellationToken">Stops: the lease is over, or the worker ends.</param>
public delegate void UnitWork(string folder, string settings, string? dataFolder, CancellationToken cancellationToken);
