using Xunit;
using ZeroOneShot.Optimization;

namespace ZeroOneShot.Tests.Optimization;

/// <summary>Schedules that come to their end within a time.</summary>
public sealed class TimedScheduleTests
{
    private const int Epochs = 10, StepsPerEpoch = 10, Steps = Epochs * StepsPerEpoch;

    [Fact]
    public void With_time_enough_the_schedule_is_that_of_the_epochs_to_the_last_bit()
    {
        var schedule = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true);
        var (steps, _) = Run(schedule, limit: 101, _ => 1);
        Assert.Equal(Steps, steps);
        Assert.Equal(new ScheduleState(), schedule.State);
        Assert.Equal(3, schedule.Epoch(39, 3));
        Assert.Equal(0.37, schedule.Progress(37));
    }

    [Theory]
    [InlineData(30)]
    [InlineData(50)]
    [InlineData(90)]
    public void With_less_time_it_comes_to_its_end_within_that_time(double limit)
    {
        var schedule = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true);
        var (steps, seconds) = Run(schedule, limit, _ => 1);
        Assert.InRange(seconds, limit - 2, limit);
        Assert.InRange(schedule.Progress((long)steps - 1), 0.9, 1);
        Assert.True(schedule.IsOver(steps));
    }

    [Fact]
    public void A_machine_that_becomes_slower_makes_it_faster_and_one_that_becomes_faster_slower_again()
    {
        var slower = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true);
        var (steps, seconds) = Run(slower, limit: 110, step => step < 50 ? 1 : 4);
        Assert.InRange(seconds, 100, 114);                                   // one step more may be on its way
        Assert.InRange(steps, 60, 68);
        var again = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true);
        (steps, seconds) = Run(again, limit: 110, step => step is >= 20 and < 30 ? 4 : 1);
        Assert.InRange(seconds, 100, 110);
        Assert.InRange(steps, 72, 80);
    }

    [Fact]
    public void First_steps_that_take_twice_as_long_do_not_shorten_it_where_there_is_time_enough()
    {
        const int ManySteps = 1000;
        var schedule = new TimedSchedule(new ScheduleState(), ManySteps, Epochs, limited: true, longest: 3 * ManySteps);
        var (steps, seconds) = Run(schedule, limit: 1030, step => 1 + Math.Exp(-step / 8.0), step =>
            Assert.Equal((double)step / ManySteps, schedule.Progress(step)));
        Assert.Equal((ManySteps, new ScheduleState()), (steps, schedule.State));
        Assert.InRange(seconds, 1000, 1030);
    }

    [Fact]
    public void A_machine_that_is_slow_from_the_first_step_on_makes_it_faster_before_a_good_part_of_the_time_is_over()
    {
        const int ManySteps = 1000;
        var schedule = new TimedSchedule(new ScheduleState(), ManySteps, Epochs, limited: true, longest: 3 * ManySteps);
        var (steps, seconds) = Run(schedule, limit: 100, _ => 1, step => Assert.True(step < 12 || schedule.State.End is not null));
        Assert.InRange(seconds, 98, 100);
        Assert.InRange(schedule.Progress(steps - 1), 0.9, 1);
    }

    [Fact]
    public void A_moment_in_which_the_machine_does_something_else_hardly_changes_a_long_schedule()
    {
        const int ManySteps = 3000;
        var schedule = new TimedSchedule(new ScheduleState(), ManySteps, Epochs, limited: true, longest: 3 * ManySteps);
        var shortest = double.PositiveInfinity;
        var (_, seconds) = Run(schedule, limit: 3060, step => step is >= 1000 and < 1010 ? 10 : 1, _ =>
            shortest = Math.Min(shortest, schedule.State.End ?? ManySteps));
        Assert.InRange(shortest, 0.75 * ManySteps, ManySteps);
        Assert.InRange(seconds, 3030, 3060);
    }

    [Fact]
    public void What_comes_after_every_epoch_and_at_the_end_is_kept_free()
    {
        // One epoch that is to be lengthened as time allows, with a validation of 30 s behind it and another at the end.
        var schedule = new TimedSchedule(new ScheduleState(), Steps, epochs: 1, limited: true, longest: 3 * Steps)
        {
            SecondsOfAnEpoch = 30, SecondsAtTheEnd = 30,
        };
        var (_, seconds) = Run(schedule, limit: 200, _ => 1);
        Assert.InRange(seconds, 95, 140);
    }

    [Fact]
    public void With_clearly_more_time_it_is_lengthened_to_end_with_the_time_and_no_further_than_allowed()
    {
        var lengthened = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true, longest: 3 * Steps);
        var (steps, seconds) = Run(lengthened, limit: 200, _ => 1);
        Assert.InRange(seconds, 198, 200);
        Assert.InRange(lengthened.Progress(steps - 1), 0.98, 1);
        Assert.True(lengthened.IsOver(steps));
        var most = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true, longest: 3 * Steps);
        (steps, _) = Run(most, limit: 1000, _ => 1);
        Assert.InRange(steps, 3 * Steps / 2, 3 * Steps);
        Assert.InRange(most.Progress(steps - 1), 0.98, 1);
    }

    [Fact]
    public void With_hardly_more_time_the_epochs_stay_as_they_were_planned()
    {
        var schedule = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true, longest: 3 * Steps);
        var (steps, _) = Run(schedule, limit: 102, _ => 1);
        Assert.Equal((Steps, new ScheduleState()), (steps, schedule.State));
    }

    [Fact]
    public void A_lengthened_schedule_is_shortened_again_where_steps_become_longer_and_goes_on_from_its_state()
    {
        var schedule = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true, longest: 3 * Steps);
        var state = default(ScheduleState);
        var (_, seconds) = Run(schedule, limit: 200, step => step < 80 ? 1 : 2, step => state = step == 120 ? schedule.State : state);
        Assert.InRange(seconds, 196, 202);
        Assert.NotNull(state!.End);
        var resumed = new TimedSchedule(state, Steps, Epochs, limited: true, longest: 3 * Steps);
        var (steps, left) = Run(resumed, limit: 40, _ => 2, from: 120);
        Assert.InRange(left, 36, 42);
        Assert.True(resumed.IsOver(steps));
    }

    [Fact]
    public void Progress_never_falls_and_never_jumps()
    {
        var schedule = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true);
        var (before, largest) = (0.0, 0.0);
        Run(schedule, limit: 60, step => step % 7 == 0 ? 3 : 0.7, step =>
        {
            var progress = schedule.Progress(step);
            Assert.InRange(progress, before, 1);
            (before, largest) = (progress, Math.Max(largest, progress - before));
        });
        Assert.InRange(before, 0.9, 1);
        Assert.InRange(largest, 0, 0.1);
    }

    [Fact]
    public void Steps_that_cost_more_later_are_allowed_for_from_the_beginning()
    {
        // As in a search, whose steps take twice as long once the architecture is trained too.
        TimedSchedule schedule = null!;
        schedule = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true, progress => progress < 0.3 ? 1 : 2);
        var (steps, seconds) = Run(schedule, limit: 85, step => schedule.Progress(step) < 0.3 ? 1 : 2);
        Assert.InRange(seconds, 82, 87);                                     // one step more may be on its way
        Assert.InRange(steps, 48, 52);                                       // 170 seconds would make 100
    }

    [Fact]
    public void Validation_after_every_epoch_is_allowed_for()
    {
        var schedule = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true);
        var (_, seconds) = Run(schedule, limit: 80, _ => 1, validation: 5);
        Assert.InRange(seconds, 70, 82);
    }

    [Fact]
    public void A_schedule_goes_on_from_its_state()
    {
        var schedule = new TimedSchedule(new ScheduleState(), Steps, Epochs, limited: true);
        var state = default(ScheduleState);
        Run(schedule, limit: 50, _ => 1, step => state = step == 20 ? schedule.State : state);
        var resumed = new TimedSchedule(state!, Steps, Epochs, limited: true);
        Assert.InRange(resumed.Progress(20), 0.35, 0.45);
        var (steps, seconds) = Run(resumed, limit: 10, _ => 1, from: 20);
        Assert.InRange(seconds, 8, 10);
        Assert.True(resumed.IsOver(steps));
    }

    private static (int Steps, double Seconds) Run(TimedSchedule schedule, double limit, Func<int, double> cost,
        Action<int>? each = null, int from = 0, double validation = 0)
    {
        var (step, seconds) = (from, 0.0);
        while (!schedule.IsOver(step) && seconds < limit)
        {
            each?.Invoke(step);
            var taken = cost(step);
            seconds += taken;
            step++;
            schedule.Took(step, taken, TimeSpan.FromSeconds(limit - seconds));
            if (validation > 0 && (step % StepsPerEpoch == 0 || schedule.IsOver(step)))
            {
                seconds += validation;
                schedule.SecondsOfAnEpoch = validation;
            }
        }
        return (step, seconds);
    }
}
