using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ZeroOneShot.Runtime;

/// <summary>
/// The one place that the memory of features comes from. libtorch's allocator is glibc's, in which features lie between small tensors that
/// outlive them: what a step holds then becomes two to four times what it uses. Here features lie among themselves, in memory of their
/// own: what is freed is joined with its neighbours and used again, the smallest piece that is large enough first.
/// </summary>
/// <remarks>
/// The tensors are ordinary ones, on memory that libtorch gives back here when the last of them that shares it is gone, views among them.
/// On Linux with glibc, whose allocator keeps freed memory then (<see cref="TorchRuntime.DefaultAllocatorSwitch"/>); elsewhere libtorch's
/// allocator is used.
/// </remarks>
internal static unsafe partial class FeatureMemory
{
    // The registers and cache lines that kernels compute with.
    private const long Alignment = 64;

    // Address space, of which pages take memory when they are first used. No more than the process may use: what does not fit is left to
    // libtorch's allocator, which says so.
    private static readonly long s_reserved =
        ProcessMemory.MemoryOfTheMachine / Environment.SystemPageSize * Environment.SystemPageSize;

    private static readonly Lock s_lock = new();

    private static readonly nint s_first =
        OperatingSystem.IsLinux() && TorchRuntime.KeepsFreedMemory && NativeTensor.CanWrap ? Reserve() : 0;

    // What is free, by place and by size. What was freed last waits, by size, to be asked for again.
    private static readonly SortedSet<(long Size, long At)> s_bySize = [];
    private static readonly Dictionary<long, long> s_byBegin = [], s_byEnd = [];
    private static readonly Dictionary<long, Stack<long>> s_waiting = [];
    private static readonly Dictionary<long, long> s_used = [];
    private static long s_waitingBytes, s_end, s_inUse, s_largest;

    /// <summary>Whether features have memory of their own here.</summary>
    public static bool IsOn => s_first != 0;

    /// <summary>Bytes in use.</summary>
    public static long InUse
    {
        get
        {
            lock (s_lock)
                return s_inUse;
        }
    }

    /// <summary>Bytes that have been used at the same time, at most.</summary>
    public static long Largest
    {
        get
        {
            lock (s_lock)
                return s_largest;
        }
    }

    /// <summary>Takes what is in use now as the most so far.</summary>
    public static void ForgetLargest()
    {
        lock (s_lock)
            s_largest = s_inUse;
    }

    /// <summary>Bytes that are held, used or not.</summary>
    public static long Held
    {
        get
        {
            lock (s_lock)
                return s_end;
        }
    }

    /// <summary>A new tensor, yet to be filled.</summary>
    public static Tensor Empty(ReadOnlySpan<long> shape, ScalarType type)
    {
        var size = type == ScalarType.Float64 ? sizeof(double) : type == ScalarType.BFloat16 ? sizeof(short) : (long)sizeof(float);
        foreach (var count in shape)
            size *= count;
        if (!IsOn || size == 0 || Take((size + Alignment - 1) / Alignment * Alignment) is not (>= 0 and var at))
            return empty(shape, type);
        fixed (long* sizes = shape)
        {
            if (NativeTensor.Wrap(s_first + (nint)at, &GiveBack, sizes, shape.Length, type) is { } tensor)
                return tensor;
            Free(at);
            return empty(shape, type);
        }
    }

    /// <summary>A new tensor of a shape and type, yet to be filled.</summary>
    public static Tensor EmptyLike(Tensor tensor) => Empty(tensor.shape, tensor.dtype);

    /// <summary>Gives the pages of memory that nobody uses back to the system.</summary>
    public static void ReturnUnused()
    {
        if (!IsOn)
            return;
        lock (s_lock)
        {
            JoinWaiting();
            var page = (long)Environment.SystemPageSize;
            foreach (var (size, at) in s_bySize)
            {
                var (from, to) = ((at + page - 1) / page * page, (at + size) / page * page);
                if (to > from)
                    _ = Advise(s_first + (nint)from, (nuint)(to - from), DontNeed);
            }
        }
    }

    private static long Take(long size)
    {
        lock (s_lock)
        {
            var at = -1L;
            if (s_waiting.TryGetValue(size, out var same) && same.TryPop(out at))
            {
                s_waitingBytes -= size;
            }
            else
            {
                JoinWaiting();
                at = Fitting(size);
            }
            if (at < 0)
                return at;
            s_used[at] = size;
            s_inUse += size;
            s_largest = Math.Max(s_largest, s_inUse);
            return at;
        }
    }

    /// <summary>The smallest free piece that is large enough, or what follows the last one; below 0 where there is no more.</summary>
    private static long Fitting(long size)
    {
        foreach (var (free, at) in s_bySize.GetViewBetween((size, 0), (long.MaxValue, 0)))
        {
            Remove(at, free);
            if (free > size)
                Insert(at + size, free - size);
            return at;
        }
        // A free piece at the end is made longer.
        var begin = s_byEnd.TryGetValue(s_end, out var last) ? last : s_end;
        if (begin + size > s_reserved)
            return -1;
        if (begin < s_end)
            Remove(begin, s_end - begin);
        s_end = begin + size;
        return begin;
    }

    [UnmanagedCallersOnly]
    private static void GiveBack(nint data) => Free(data - s_first);

    private static void Free(long at)
    {
        lock (s_lock)
        {
            s_used.Remove(at, out var size);
            s_inUse -= size;
            ref var same = ref CollectionsMarshal.GetValueRefOrAddDefault(s_waiting, size, out _);
            (same ??= new()).Push(at);
            s_waitingBytes += size;
        }
    }

    /// <summary>Joins what was freed last with its free neighbours.</summary>
    private static void JoinWaiting()
    {
        if (s_waitingBytes == 0)
            return;
        foreach (var (size, places) in s_waiting)
        {
            while (places.TryPop(out var at))
            {
                var (begin, end) = (at, at + size);
                if (s_byEnd.TryGetValue(begin, out var before))
                {
                    Remove(before, begin - before);
                    begin = before;
                }
                if (s_byBegin.TryGetValue(end, out var after))
                {
                    Remove(end, after - end);
                    end = after;
                }
                Insert(begin, end - begin);
            }
        }
        s_waitingBytes = 0;
    }

    private static void Insert(long at, long size)
    {
        s_bySize.Add((size, at));
        s_byBegin[at] = at + size;
        s_byEnd[at + size] = at;
    }

    private static void Remove(long at, long size)
    {
        s_bySize.Remove((size, at));
        s_byBegin.Remove(at);
        s_byEnd.Remove(at + size);
    }

    private static nint Reserve()
    {
        const int readWrite = 3, privateAnonymousNoReserve = 0x4022, hugePages = 14;
        var first = Map(0, (nuint)s_reserved, readWrite, privateAnonymousNoReserve, -1, 0);
        if (first == -1)
            return 0;
        _ = Advise(first, (nuint)s_reserved, hugePages);
        return first;
    }

    private const int DontNeed = 4;

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
