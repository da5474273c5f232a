using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ZeroOneShot.Kernels;

/// <summary>Arithmetic on vectors that .NET offers for single and double precision apart.</summary>
internal static class Arithmetic
{
    /// <summary>a b + c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> MultiplyAdd<T>(Vector512<T> a, Vector512<T> b, Vector512<T> c) => typeof(T) == typeof(float)
        ? Vector512.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : Vector512.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    /// <summary>max(a, 0).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Rectified<T>(Vector512<T> a) => Vector512.Max(a, Vector512<T>.Zero);
}
