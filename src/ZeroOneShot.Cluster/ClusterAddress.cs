using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ZeroOneShot.Cluster;

/// <summary>Where a coordinator listens.</summary>
/// <param name="Host">A name, or an address.</param>
/// <param name="Port">1 to 65535; 0 lets the system choose, for tests.</param>
public sealed record ClusterAddress(string Host, int Port)
{
    /// <summary>Reads <c>HOST:PORT</c>.</summary>
    /// <param name="text">For example <c>127.0.0.1:4160</c>.</param>
    /// <exception cref="FormatException">It is no such address.</exception>
    public static ClusterAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.LastIndexOf(':');
        return colon > 0 && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) &&
            port is > 0 and < 65536 && Uri.CheckHostName(text[..colon]) is UriHostNameType.Dns or UriHostNameType.IPv4
            ? new ClusterAddress(text[..colon], port)
            : throw new FormatException($"'{text}' is no address; expected HOST:PORT, for example 127.0.0.1:4160.");
    }

    /// <summary>Whether only this machine can reach it.</summary>
    /// <exception cref="SocketException">The name is unknown.</exception>
    public bool IsLoopback => IPAddress.TryParse(Host, out var one) ? IPAddress.IsLoopback(one)
        : Dns.GetHostAddresses(Host) is { Length: > 0 } addresses && addresses.All(IPAddress.IsLoopback);

    /// <inheritdoc/>
    public override string ToString() => $"{Host}:{Port}";
}
