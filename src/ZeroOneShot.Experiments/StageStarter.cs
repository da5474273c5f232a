using ZeroOneShot.Runtime;

namespace ZeroOneShot.Experiments;

/// <summary>
/// Does a stage of a run somewhere: in this process (<see cref="ExperimentRun.Do"/>), in one of its own (<see cref="ChildProcess"/>), on
/// another machine. It returns when the stage's record is in the run's folder.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="stage">The stage; those before it are done.</param>
/// <param name="cancellationToken">Stops it; the next time it goes on from there.</param>
public delegate void StageStarter(RunFolder run, RunStage stage, CancellationToken cancellationToken);
