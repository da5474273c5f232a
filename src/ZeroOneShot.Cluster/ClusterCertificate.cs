using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ZeroOneShot.Cluster;

/// <summary>
/// A certificate whose private key (NIST P-256) is worked out from the secret: whoever has the secret has the same key, and nobody else.
/// </summary>
internal static class ClusterCertificate
{
    // A secret that a person thought up is not to be found by trying, from the public key that anybody sees who listens.
    private const int Iterations = 600_000;

    private const int ScalarBytes = 32, MoreThanAScalar = 48;

    private static ReadOnlySpan<byte> Salt => "ZeroOneShot cluster 1"u8;

    // The order of the group of P-256 (SEC 2, 2.4.2): private keys are 1 to one less.
    private static readonly BigInteger s_order = BigInteger.Parse(
        "0ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", System.Globalization.NumberStyles.HexNumber,
        System.Globalization.CultureInfo.InvariantCulture);

    public static X509Certificate2 Of(ClusterSecret secret)
    {
        var drawn = Rfc2898DeriveBytes.Pbkdf2(secret.Key, Salt, Iterations, HashAlgorithmName.SHA256, MoreThanAScalar);
        var scalar = BigInteger.Remainder(new BigInteger(drawn, isUnsigned: true, isBigEndian: true), s_order - 1) + 1;
        var key = new byte[ScalarBytes];
        var bytes = scalar.ToByteArray(isUnsigned: true, isBigEndian: true);
        bytes.CopyTo(key, ScalarBytes - bytes.Length);
        using var pair = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = key });
        var request = new CertificateRequest("CN=zeroone-cluster", pair, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero),
            new DateTimeOffset(2049, 12, 31, 0, 0, 0, TimeSpan.Zero));
        // TLS of Windows does not take a key that lives in memory alone.
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }
}
