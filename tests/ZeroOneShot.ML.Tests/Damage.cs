using System.Globalization;
using System.Text;
using Xunit;

namespace ZeroOneShot.Tests;

/// <summary>
/// A file of this library with a wrong byte, or with its end missing, is refused by its name, or read to the very result it had before
/// (where the byte does not matter, as a date in a zip); never to another one.
/// </summary>
/// <remarks>
/// In the suite some bytes of each file are changed. For a long run, which ends with the same table: <c>ZEROONESHOT_FLIPS=3000
/// ZEROONESHOT_TRUNCATIONS=600</c>, and <c>-class "*DamagedFileTests" -showLiveOutput</c>.
/// </remarks>
internal static class Damage
{
    /// <summary>Changes bytes of files, one at a time.</summary>
    /// <param name="files">The files, with their readers.</param>
    /// <param name="inTheSuite">How many flips in all, where <c>ZEROONESHOT_FLIPS</c> does not say.</param>
    /// <param name="refusal">What a reader throws at a damaged file, beside <see cref="InvalidDataException"/>.</param>
    public static void Flip(IReadOnlyList<OwnFile> files, int inTheSuite, Type? refusal = null)
    {
        var random = new Random(2026);
        TryAll(files, "flips", Number("ZEROONESHOT_FLIPS", inTheSuite), refusal, content =>
        {
            var damaged = content.ToArray();
            // Half of them anywhere, half near the ends, where headers and directories are: elsewhere nearly all are weights.
            var place = random.Next(4) switch
            {
                0 => random.Next(Math.Min(2048, content.Length)),
                1 => content.Length - 1 - random.Next(Math.Min(2048, content.Length)),
                _ => random.Next(content.Length),
            };
            damaged[place] ^= (byte)(random.Next(2) == 0 ? 1 << random.Next(8) : random.Next(1, 256));
            return damaged;
        }, mayBeHarmless: true);
    }

    /// <summary>Cuts the ends off files.</summary>
    /// <inheritdoc cref="Flip"/>
    public static void Truncate(IReadOnlyList<OwnFile> files, int inTheSuite, Type? refusal = null)
    {
        var random = new Random(2027);
        TryAll(files, "truncations", Number("ZEROONESHOT_TRUNCATIONS", inTheSuite), refusal, content => content[..(random.Next(2) == 0
            ? random.Next(content.Length)
            : content.Length - 1 - random.Next(Math.Min(64, content.Length)))], mayBeHarmless: false);
    }

    private static void TryAll(
        IReadOnlyList<OwnFile> files, string what, int count, Type? refusal, Func<byte[], byte[]> damage, bool mayBeHarmless)
    {
        var table = new StringBuilder($"\n| file -> reader | {what} | refused | equal result | another result |\n|---|---|---|---|---|\n");
        var wrong = new List<string>();
        var tried = 0;
        foreach (var file in files)
        {
            var name = $"{file.File} -> {file.Reader}";
            var expected = file.Result(file.Content);
            var (refused, equal, other) = (0, 0, 0);
            for (var i = 0; i < (count + files.Count - 1) / files.Count; i++, tried++)
            {
                var damaged = damage(file.Content);
                try
                {
                    if (file.Result(damaged) == expected)
                        equal++;
                    else
                        other++;
                }
                catch (Exception e) when (e is InvalidDataException || e.GetType() == refusal)
                {
                    refused++;
                    if (!e.Message.Contains(file.File, StringComparison.Ordinal))
                        wrong.Add($"{name}: the message does not name the file: {e.Message}");
                }
                catch (Exception e)
                {
                    wrong.Add($"{name}: {e}");
                }
            }
            table.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {refused + equal + other} | {refused} | {equal} | {other} |");
            if (other > 0 || equal > 0 && !mayBeHarmless)
                wrong.Add($"{name}: {other} read to another result, {equal} to an equal one");
        }
        TestContext.Current.TestOutputHelper!.WriteLine($"{table}{tried} {what} in all");
        Assert.Empty(wrong);
    }

    private static int Number(string variable, int inTheSuite) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : inTheSuite;
}
