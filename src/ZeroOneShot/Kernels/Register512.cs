using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ZeroOneShot.Kernels;

/// <summary>512 bits: AVX-512.</summary>
internal readonly unsafe struct Register512<T>(Vector512<T> numbers) : IRegister<Register512<T>, T> where T : unmanaged
{
    private readonly Vector512<T> _numbers = numbers;

    public static int Count => Vector512<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> Create(T number) => new(Vector512.Create(number));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> Broadcast(T* number) => Create(*number);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> Load(T* numbers) => new(Vector512.Load(numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* numbers) => _numbers.Store(numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> operator +(Register512<T> a, Register512<T> b) => new(a._numbers + b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> operator -(Register512<T> a, Register512<T> b) => new(a._numbers - b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> operator *(Register512<T> a, Register512<T> b) => new(a._numbers * b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> operator /(Register512<T> a, Register512<T> b) => new(a._numbers / b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> operator &(Register512<T> a, Register512<T> b) => new(a._numbers & b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> MultiplyAdd(Register512<T> a, Register512<T> b, Register512<T> c) => new(typeof(T) == typeof(float)
        ? Vector512.MultiplyAddEstimate(a._numbers.AsSingle(), b._numbers.AsSingle(), c._numbers.AsSingle()).As<float, T>()
        : Vector512.MultiplyAddEstimate(a._numbers.AsDouble(), b._numbers.AsDouble(), c._numbers.AsDouble()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> Max(Register512<T> a, Register512<T> b) => new(Vector512.Max(a._numbers, b._numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> Rectified(Register512<T> a) => new(Vector512.MaxNative(Vector512<T>.Zero, a._numbers));  // x86: a if NaN

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> IsPositive(Register512<T> a) => new(Vector512.GreaterThan(a._numbers, Vector512<T>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> AreEqual(Register512<T> a, Register512<T> b) => new(Vector512.Equals(a._numbers, b._numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register512<T> AndNot(Register512<T> a, Register512<T> b) => new(Vector512.AndNot(a._numbers, b._numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Register512<T> a) => Vector512.Sum(a._numbers);
}
