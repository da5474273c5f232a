namespace ZeroOneShot.Optimization;

/// <summary>
/// How far a run is on its schedule, from 0, before its first step, to 1, its end. Its epochs decide on that, to the last bit; or, as soon
/// as the time that is left does not suffice for them, or for clearly more, that time: the schedule then goes on from where it is, faster
/// or slower, so that learning rates come to their end as the limit does.
/// </summary>
/// <param name="state">Where a run goes on from.</param>
/// <param name="steps">Steps of all epochs.</param>
/// <param name="epochs">Number of epochs.</param>
/// <param name="cost">What a step costs in time, by its progress, in proportion to others; null where all cost alike.</param>
/// <param name="limited">Whether there is a limit.</param>
/// <param name="longest">Steps that it may be lengthened to where there is time for more; 0 for no more than those of all epochs.</param>
internal sealed class TimedSchedule(
    ScheduleState state, long steps, int epochs, bool limited = false, Func<double, double>? cost = null, long longest = 0)
{
    // Code is compiled in the first steps, and better in the next dozens: of a training of 8 channels and 3 cells the first five took five
    // times as much of the processor as later ones, the 30th still half as much again. The schedule is left alone meanwhile, unless they
    // are a good part of the steps or of the time that there is.
    private const int StepsThatCompile = 4, StepsToSettle = 50, StepsToPlanFrom = 100;

    private const double GoodPart = 0.1;

    // A machine becomes faster for a moment now and then: only where time for so many steps more, of all that were planned, would be left
    // is the plan left for it, which can be followed again, and time is not.
    private const double LeastGain = 0.03;

    // The time of a step is the mean of as many as a tenth of those that are left, and of ten at least: the fewer are left, the sooner a
    // change tells, and the less a moment does in which the machine does something else.
    private const double ShareOfLeft = 0.1, LeastMeant = 10;

    private const int Pieces = 100;

    private readonly long _longest = Math.Max(longest, steps);
    private int _measured, _counted;
    private double _secondsOfCost, _secondsOfAll;

    /// <summary>What a checkpoint keeps.</summary>
    public ScheduleState State { get; private set; } = state;

    /// <summary>Seconds that come with every epoch beside its steps: measuring the validation images.</summary>
    public double SecondsOfAnEpoch { get; set; }

    /// <summary>Seconds that come once, after the last step and its epoch's end.</summary>
    public double SecondsAtTheEnd { get; set; }

    /// <summary>How far the schedule is before a step, from 0 to 1.</summary>
    /// <param name="step">The number of the step in the whole run, from 0.</param>
    public double Progress(long step) => State.End is { } end
        ? Math.Min(1, State.Progress + (1 - State.Progress) * (step - State.Step) / Math.Max(end - State.Step, 1))
        : (double)step / steps;

    /// <summary>The same in epochs: as long as there is time for all of them, the whole number of the epoch.</summary>
    public double Epoch(long step, int epoch) => State.End is null ? epoch : Progress(step) * epochs;

    /// <summary>Whether no step is left.</summary>
    public bool IsOver(long step) => State.Over || step >= (State.End ?? steps) || step >= _longest;

    /// <summary>Ends the schedule where it is over, for good.</summary>
    public void Close(long step)
    {
        if (IsOver(step))
            State = State with { Over = true };
    }

    /// <summary>Takes in how long a step took, and plans anew.</summary>
    /// <param name="step">The number of the next step.</param>
    /// <param name="seconds">The time of the step before.</param>
    /// <param name="left">The time that is left for the run.</param>
    public void Took(long step, double seconds, TimeSpan? left)
    {
        if (!limited || left is not { } time || IsOver(step))
            return;
        var progress = Progress(step);
        var ofCost = seconds / Cost(Progress(step - 1));
        _measured++;
        _secondsOfAll += seconds;
        var isShort = _measured > GoodPart * steps || _secondsOfAll > GoodPart * (_secondsOfAll + time.TotalSeconds);
        if (_measured <= (isShort ? StepsThatCompile : StepsToSettle))
        {
            _secondsOfCost = ofCost;
            return;
        }
        var meant = Math.Max(LeastMeant, ShareOfLeft * ((State.End ?? steps) - step));
        _secondsOfCost += (ofCost - _secondsOfCost) / Math.Min(++_counted + 1, meant);
        if (!isShort && _measured <= StepsToPlanFrom)
            return;
        // An epoch of validation at the end, and a share of one with every step.
        var ofStep = _secondsOfCost * MeanCost(progress) + SecondsOfAnEpoch * epochs / steps;
        var affordable = (time.TotalSeconds - SecondsOfAnEpoch - SecondsAtTheEnd) / ofStep;
        if (State.End is null && affordable >= steps - step && !IsLongEnough(affordable, step))
            return;
        State = new ScheduleState
        {
            Step = step, Progress = progress, End = step + Math.Clamp(affordable, 1, Math.Max(1, (1 - progress) * _longest)),
        };
    }

    private bool IsLongEnough(double affordable, long step) =>
        _longest > steps && _measured > StepsToSettle && affordable > steps - step + LeastGain * steps;

    private double Cost(double progress) => cost?.Invoke(progress) ?? 1;

    // Over what is left of the schedule.
    private double MeanCost(double progress) => cost is null
        ? 1
        : Enumerable.Range(0, Pieces).Average(piece => cost(progress + (1 - progress) * (piece + 0.5) / Pieces));
}
