using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ZeroOneShot.Kernels;

/// <summary>128 bits: SSE, or the vectors of ARM.</summary>
internal readonly unsafe struct Register128<T>(Vector128<T> numbers) : IRegister<Register128<T>, T> where T : unmanaged
{
    private readonly Vector128<T> _numbers = numbers;

    public static int Count => Vector128<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> Create(T number) => new(Vector128.Create(number));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> Broadcast(T* number) => typeof(T) == typeof(float) && Avx.IsSupported
        ? new(Avx.BroadcastScalarToVector128((float*)number).As<float, T>())
        : Create(*number);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> Load(T* numbers) => new(Vector128.Load(numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* numbers) => _numbers.Store(numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> operator +(Register128<T> a, Register128<T> b) => new(a._numbers + b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> operator -(Register128<T> a, Register128<T> b) => new(a._numbers - b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> operator *(Register128<T> a, Register128<T> b) => new(a._numbers * b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> operator /(Register128<T> a, Register128<T> b) => new(a._numbers / b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> operator &(Register128<T> a, Register128<T> b) => new(a._numbers & b._numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> MultiplyAdd(Register128<T> a, Register128<T> b, Register128<T> c) => new(typeof(T) == typeof(float)
        ? Vector128.MultiplyAddEstimate(a._numbers.AsSingle(), b._numbers.AsSingle(), c._numbers.AsSingle()).As<float, T>()
        : Vector128.MultiplyAddEstimate(a._numbers.AsDouble(), b._numbers.AsDouble(), c._numbers.AsDouble()).As<double, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> Max(Register128<T> a, Register128<T> b) =>
        new(Vector128.MaxNative(a._numbers, b._numbers) | Vector128.IsNaN(a._numbers));         // x86 takes b where either is NaN

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> Rectified(Register128<T> a) => new(Vector128.MaxNative(Vector128<T>.Zero, a._numbers));  // x86: a if NaN

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> IsPositive(Register128<T> a) => new(Vector128.GreaterThan(a._numbers, Vector128<T>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> AreEqual(Register128<T> a, Register128<T> b) => new(Vector128.Equals(a._numbers, b._numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Register128<T> AndNot(Register128<T> a, Register128<T> b) => new(Vector128.AndNot(a._numbers, b._numbers));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Register128<T> a) => Vector128.Sum(a._numbers);
}
