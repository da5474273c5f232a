using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using TorchSharp;

namespace ZeroOneShot.Runtime;

/// <summary>
/// One of the named streams of random numbers that a single seed gives. The same seed and name give the same numbers; another name
/// gives independent ones, so that one part of a run can draw more or fewer numbers without changing those of any other part.
/// </summary>
/// <remarks>
/// A stream costs one hash until numbers are drawn, so a loop opens a new one for each epoch (<c>Of(seed, $"crops, epoch {epoch}")</c>),
/// and a resumed run replays an epoch without any saved state. A stream is not safe to use from several threads at once.
/// </remarks>
public sealed class RandomStream : IDisposable
{
    private torch.Generator? _generator;
    private bool _disposed;

    private readonly Xoshiro256 _numbers;

    private RandomStream(ReadOnlySpan<byte> hash)
    {
        Seed = BinaryPrimitives.ReadInt64LittleEndian(hash);
        _numbers = new Xoshiro256(hash);
    }

    /// <summary>The seed of this stream, derived from the seed and the name it was asked for by.</summary>
    public long Seed { get; }

    /// <summary>
    /// .NET random numbers of this stream, begun from all 256 bits of its hash; the same object every time, so each draw advances it.
    /// </summary>
    public Random Random => _numbers;

    /// <summary>
    /// A generator for torch functions on the CPU, made on first use and owned by this stream; the global generator is never touched. It is
    /// given all 64 bits of <see cref="Seed"/>, of which libtorch's own generator on the CPU (a Mersenne twister) takes the lower 32.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The stream is disposed.</exception>
    public torch.Generator Generator
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _generator ??= new torch.Generator(unchecked((ulong)Seed), torch.CPU);
        }
    }

    /// <summary>The stream of a seed and a name.</summary>
    /// <param name="seed">The seed of the run; any value.</param>
    /// <param name="name">What the numbers are for, for example <c>weights</c>; compared byte by byte.</param>
    /// <returns>A stream at its beginning. Dispose it if its <see cref="Generator"/> is used.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="name"/> is null.</exception>
    public static RandomStream Of(long seed, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var text = new byte[sizeof(long) + Encoding.UTF8.GetByteCount(name)];
        BinaryPrimitives.WriteInt64LittleEndian(text, seed);
        Encoding.UTF8.GetBytes(name, text.AsSpan(sizeof(long)));
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        return new RandomStream(hash);
    }

    /// <summary>
    /// A stream inside this one: that of <see cref="Seed"/> and the name. It does not depend on what was drawn from this stream.
    /// </summary>
    /// <param name="name">What the numbers are for.</param>
    /// <returns>A stream at its beginning, which the caller owns.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="name"/> is null.</exception>
    public RandomStream Child(string name) => Of(Seed, name);

    /// <summary>Releases the torch generator, if one was made.</summary>
    public void Dispose()
    {
        _disposed = true;
        _generator?.Dispose();
        _generator = null;
    }
}
