using System.Net.Sockets;
using System.Text;

namespace ZeroOneShot.Cluster;

/// <summary>
/// What coordinator and workers share, and nobody else knows. It never travels: both sides make the same certificate of it, show that they
/// have its key, and encrypt what they say (TLS).
/// </summary>
public sealed class ClusterSecret
{
    /// <summary>The variable of the environment that is read where no file is given.</summary>
    public const string Variable = "ZEROONE_CLUSTER_SECRET";

    private const int Shortest = 16;

    private ClusterSecret(byte[] key) => Key = key;

    /// <summary>None: on loopback only.</summary>
    public static ClusterSecret None { get; } = new([]);

    internal byte[] Key { get; }

    internal bool IsNone => Key.Length == 0;

    /// <summary>A secret of at least 16 characters; white space around it does not count.</summary>
    /// <param name="text">For example 32 random letters and digits.</param>
    /// <exception cref="ArgumentException">It is shorter. The message does not have it.</exception>
    public static ClusterSecret Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var secret = text.Trim();
        return secret.Length >= Shortest ? new ClusterSecret(Encoding.UTF8.GetBytes(secret)) : throw new ArgumentException(
            $"The secret has {secret.Length} characters; expected at least {Shortest}, for example from: openssl rand -hex 24.");
    }

    /// <summary>The secret of a file, or of <see cref="Variable"/>; <see cref="None"/> without both.</summary>
    /// <param name="file">The file; null for none.</param>
    /// <exception cref="ArgumentException">The secret is too short.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ClusterSecret Find(string? file) =>
        file is not null ? Of(File.ReadAllText(file)) : Environment.GetEnvironmentVariable(Variable) is { } text ? Of(text) : None;

    internal void CheckFor(ClusterAddress address)
    {
        if (IsNone && !IsSurelyLoopback(address))
        {
            throw new ArgumentException($"{address} can be reached from other machines, and there is no secret: anybody could send " +
                $"results. Give one to coordinator and workers, in a file or in the variable {Variable}, or use 127.0.0.1.");
        }
    }

    // A name that nobody knows now may be any machine's tomorrow.
    private static bool IsSurelyLoopback(ClusterAddress address)
    {
        try
        {
            return address.IsLoopback;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
