using System.Buffers.Binary;
using System.Numerics;

namespace ZeroOneShot.Runtime;

/// <summary>
/// xoshiro256** (Blackman and Vigna, 2018), as <see cref="Random"/> without a seed computes too; with a seed that takes 31 bits alone, and
/// streams by the thousand would meet.
/// </summary>
internal sealed class Xoshiro256 : Random
{
    private ulong _s0, _s1, _s2, _s3;

    /// <param name="seed">32 bytes, not all of them 0.</param>
    public Xoshiro256(ReadOnlySpan<byte> seed)
    {
        _s0 = BinaryPrimitives.ReadUInt64LittleEndian(seed);
        _s1 = BinaryPrimitives.ReadUInt64LittleEndian(seed[8..]);
        _s2 = BinaryPrimitives.ReadUInt64LittleEndian(seed[16..]);
        _s3 = BinaryPrimitives.ReadUInt64LittleEndian(seed[24..]);
    }

    public override int Next() => Next(int.MaxValue);

    public override int Next(int maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxValue);
        return (int)Below((ulong)maxValue);
    }

    public override int Next(int minValue, int maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minValue, maxValue);
        return (int)(minValue + (long)Below((ulong)((long)maxValue - minValue)));
    }

    public override long NextInt64() => NextInt64(long.MaxValue);

    public override long NextInt64(long maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxValue);
        return (long)Below((ulong)maxValue);
    }

    public override long NextInt64(long minValue, long maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minValue, maxValue);
        return unchecked(minValue + (long)Below((ulong)(maxValue - minValue)));
    }

    public override double NextDouble() => (Bits() >> 11) * (1.0 / (1UL << 53));

    public override float NextSingle() => (Bits() >> 40) * (1.0f / (1U << 24));

    public override void NextBytes(byte[] buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        NextBytes(buffer.AsSpan());
    }

    public override void NextBytes(Span<byte> buffer)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        for (; buffer.Length > 0; buffer = buffer[Math.Min(sizeof(ulong), buffer.Length)..])
        {
            BinaryPrimitives.WriteUInt64LittleEndian(word, Bits());
            word[..Math.Min(sizeof(ulong), buffer.Length)].CopyTo(buffer);
        }
    }

    protected override double Sample() => NextDouble();

    // Each value below the bound with the same chance; 0 for a bound of 0.
    private ulong Below(ulong bound)
    {
        var high = Math.BigMul(Bits(), bound, out var low);
        if (low < bound)
        {
            for (var least = bound == 0 ? 0 : unchecked(0 - bound) % bound; low < least;)
                high = Math.BigMul(Bits(), bound, out low);
        }
        return high;
    }

    private ulong Bits()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }
}
