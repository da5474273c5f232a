using System.Globalization;
using Xunit;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests;

namespace ZeroOneShot.Yardstick.Tests;

/// <summary>The surrogate's zip (<see cref="Damage"/>).</summary>
public sealed class DamagedFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OwnFile[] _files;

    public DamagedFileTests()
    {
        AccuracySurrogate.Load().Save(_folder.File("surrogate.zip"));
        _files = [new OwnFile("surrogate.zip", "AccuracySurrogate.Load", File.ReadAllBytes(_folder.File("surrogate.zip")), Read)];
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_wrong_byte_in_a_surrogate_is_noticed_or_changes_nothing() => Damage.Flip(_files, inTheSuite: 60);

    [Fact]
    public void A_surrogate_whose_end_is_missing_is_refused() => Damage.Truncate(_files, inTheSuite: 20);

    private static string Read(string path)
    {
        var surrogate = AccuracySurrogate.Load(path);
        var estimate = surrogate.Predict(PublishedGenotypes.DartsV2);
        return string.Create(CultureInfo.InvariantCulture, $"{estimate} {surrogate.Percentile(PublishedGenotypes.DartsV1)} " +
            $"{surrogate.Measured.Percentile(94)} {surrogate.Errors}");
    }
}
