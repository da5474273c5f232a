using Xunit;
using ZeroOneShot.Tests;

namespace ZeroOneShot.Experiments.Tests;

public sealed class LeaseBookTests
{
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(60);

    private readonly HandTime _time = new();

    private LeaseBook Book(int epoch = 1, params string[] units) => new(units, s_lease, epoch, _time);

    [Fact]
    public void A_worker_that_is_silent_loses_its_unit_and_its_late_answer_is_not_taken()
    {
        var book = Book(1, "a");
        var first = book.Take("one")!;
        Assert.Null(book.Take("two"));
        _time.Pass(s_lease);
        var second = book.Take("two")!;
        Assert.True(second.Number > first.Number);
        Assert.False(book.Renew("a", first.Number));
        Assert.False(book.Finish("a", first.Number));
        Assert.False(book.GiveBack("a", first.Number, hasFailed: true));
        Assert.True(book.Finish("a", second.Number));
        Assert.False(book.Finish("a", second.Number));
        Assert.True(book.IsDone);
        Assert.Equal((1, 1L, 4L), (book.Finished, book.Expired, book.Fenced));
    }

    [Fact]
    public void A_worker_that_is_heard_of_keeps_its_unit_however_long_it_takes()
    {
        var book = Book(1, "a");
        var lease = book.Take("one")!;
        for (var i = 0; i < 100; i++)
        {
            _time.Pass(s_lease * 0.9);
            Assert.True(book.Renew("a", lease.Number));
            Assert.Null(book.Take("two"));
        }
        Assert.True(book.Finish("a", lease.Number));
        Assert.Equal(0, book.Expired);
    }

    [Fact]
    public void A_lease_of_the_coordinators_earlier_start_is_over()
    {
        var before = Book(1, "a").Take("one")!;
        var book = Book(2, "a");
        Assert.False(book.Finish("a", before.Number));
        Assert.True(book.Take("two")!.Number > before.Number);
    }

    [Fact]
    public void A_unit_that_fails_everywhere_is_left_alone_and_one_whose_worker_is_to_blame_is_not()
    {
        var book = Book(1, "a", "b");
        for (var i = 0; i < 2 * LeaseBook.MaxFailures; i++)
        {
            var lease = book.Take("one")!;
            Assert.True(book.GiveBack(lease.Unit, lease.Number, hasFailed: lease.Unit == "a"));
        }
        Assert.Equal((1, false), (book.Failed, book.IsDone));
        var last = book.Take("one")!;
        Assert.Equal("b", last.Unit);
        Assert.True(book.Finish("b", last.Number));
        Assert.True(book.IsDone);
    }

    [Fact]
    public void A_worker_that_is_known_to_be_gone_loses_its_unit_before_its_lease_is_over()
    {
        var book = Book(1, "a", "b");
        var lost = book.Take("one")!;
        Assert.True(book.TakeAway("a", lost.Number));
        Assert.False(book.TakeAway("a", lost.Number));
        Assert.Equal("a", book.Take("two")!.Unit);
        Assert.False(book.Finish("a", lost.Number));
        Assert.Equal((1L, 0L), (book.TakenAway, book.Expired));
    }

    [Fact]
    public void Parts_are_for_who_finds_no_unit_the_last_one_first_and_nobody_waits_for_them()
    {
        var book = Book(1, "a", "b");
        var a = book.Take("one")!;
        book.Offer("a#1");
        book.Offer("a#2");
        book.Offer("a#3");
        var b = book.Take("two")!;
        Assert.Equal("b", b.Unit);
        Assert.True(book.Finish("b", b.Number));
        var part = book.Take("two")!;
        Assert.Equal(("a#3", 1, 0), (part.Unit, book.Leased, book.Waiting));
        _time.Pass(s_lease / 2);
        Assert.True(book.Renew("a", a.Number));
        _time.Pass(s_lease / 2);
        Assert.False(book.Finish("a#3", part.Number));              // too late, and offered again
        part = book.Take("three")!;
        Assert.Equal("a#3", part.Unit);
        Assert.True(book.Finish("a#3", part.Number));
        book.Withdraw("a#2");
        var last = book.Take("three")!;
        Assert.Equal("a#1", last.Unit);
        book.Withdraw("a#1");
        Assert.False(book.Finish("a#1", last.Number));
        Assert.Null(book.Take("three"));
        Assert.True(book.Finish("a", a.Number));
        Assert.Equal((true, 2), (book.IsDone, book.Finished));
    }

    [Fact]
    public void A_clock_that_is_set_by_an_hour_ends_no_lease_and_keeps_none()
    {
        var time = new SetClock();
        var book = new LeaseBook(["a"], s_lease, epoch: 1, time);
        var lease = book.Take("one")!;
        time.Set = TimeSpan.FromHours(1);
        Assert.True(book.Renew("a", lease.Number));
        time.Set = TimeSpan.FromHours(-1);
        time.Pass(s_lease);
        Assert.False(book.Renew("a", lease.Number));
    }

    [Fact]
    public void A_unit_that_stands_twice_is_refused() =>
        Assert.Contains("'a' stands twice", Assert.Throws<ArgumentException>(() => Book(1, "a", "a")).Message);

    /// <summary>A clock that somebody sets, over time that passes as it does.</summary>
    private sealed class SetClock : TimeProvider
    {
        private TimeSpan _passed = TimeSpan.FromDays(1);

        public TimeSpan Set { get; set; }

        public void Pass(TimeSpan time) => _passed += time;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _passed.Ticks;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + _passed + Set;
    }
}
