using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ZeroOneShot.Kernels;

/// <summary>256 bits: AVX2.</summary>
internal readonly unsafe struct Register256<T>(Vector256<T> numbers) : IRegister<Register256<T>, T> where T : unmanaged
{
    private readonly Vector256<T> _numbers = numbers;

    public static int Count => Vector256<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> Create(T number) => new(Vector256.Create(number));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> Broadcast(T* number) => Create(*number);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> Load(T* numbers) => new(Vector256.Load(numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* numbers) => _numbers.Store(numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> operator +(Register256<T> a, Register256<T> b) => new(a._numbers + b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> operator -(Register256<T> a, Register256<T> b) => new(a._numbers - b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> operator *(Register256<T> a, Register256<T> b) => new(a._numbers * b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> operator /(Register256<T> a, Register256<T> b) => new(a._numbers / b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> operator &(Register256<T> a, Register256<T> b) => new(a._numbers & b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> MultiplyAdd(Register256<T> a, Register256<T> b, Register256<T> c) => new(typeof(T) == typeof(float)
        ? Vector256.MultiplyAddEstimate(a._numbers.AsSingle(), b._numbers.AsSingle(), c._numbers.AsSingle()).As<float, T>()
        : Vector256.MultiplyAddEstimate(a._numbers.AsDouble(), b._numbers.AsDouble(), c._numbers.AsDouble()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> Max(Register256<T> a, Register256<T> b) =>
        new(Vector256.MaxNative(a._numbers, b._numbers) | Vector256.IsNaN(a._numbers));         // x86 takes b where either is NaN

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> Rectified(Register256<T> a) => new(Vector256.MaxNative(Vector256<T>.Zero, a._numbers));  // x86: a if NaN

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> IsPositive(Register256<T> a) => new(Vector256.GreaterThan(a._numbers, Vector256<T>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> AreEqual(Register256<T> a, Register256<T> b) => new(Vector256.Equals(a._numbers, b._numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register256<T> AndNot(Register256<T> a, Register256<T> b) => new(Vector256.AndNot(a._numbers, b._numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Register256<T> a) => Vector256.Sum(a._numbers);
}
