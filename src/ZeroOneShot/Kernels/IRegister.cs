namespace ZeroOneShot.Kernels;

/// <summary>
/// A vector register of the processor: as many numbers as it holds, side by side. Kernels are written once, for any of them, and compiled
/// for each; nothing of this costs time.
/// </summary>
/// <typeparam name="TSelf">The register.</typeparam>
/// <typeparam name="T">A number: single or double precision.</typeparam>
internal unsafe interface IRegister<TSelf, T> where TSelf : struct, IRegister<TSelf, T> where T : unmanaged
{
    /// <summary>Numbers in it; they divide the lanes of a pixel.</summary>
    static abstract int Count { get; }

    /// <summary>The same number everywhere.</summary>
    static abstract TSelf Create(T number);

    /// <summary>The number in memory everywhere, without a register of its own where the processor can.</summary>
    static abstract TSelf Broadcast(T* number);

    /// <summary>Reads numbers that lie side by side.</summary>
    static abstract TSelf Load(T* numbers);

    /// <summary>Writes them side by side.</summary>
    void Store(T* numbers);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>The bits that are set in both.</summary>
    static abstract TSelf operator &(TSelf a, TSelf b);

    /// <summary>a b + c, rounded once where the processor does that in one instruction, else twice; never by a function.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>The larger ones; NaN where either is.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>max(a, 0); NaN where a is.</summary>
    static abstract TSelf Rectified(TSelf a);

    /// <summary>All bits set where a &gt; 0.</summary>
    static abstract TSelf IsPositive(TSelf a);

    /// <summary>All bits set where a = b.</summary>
    static abstract TSelf AreEqual(TSelf a, TSelf b);

    /// <summary>The bits of a that are not set in b.</summary>
    static abstract TSelf AndNot(TSelf a, TSelf b);

    /// <summary>The sum of the numbers.</summary>
    static abstract T Sum(TSelf a);
}
