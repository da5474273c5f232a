using System.Buffers;

namespace ZeroOneShot.ML;

/// <summary>The scans of a JPEG, each of which its decoder takes over the whole picture.</summary>
internal static class JpegScans
{
    // Markers of JPEG (ITU T.81, table B.1).
    private const byte Prefix = 0xFF, Stuffed = 0x00, Temporary = 0x01, FirstRestart = 0xD0, LastRestart = 0xD7, StartOfImage = 0xD8,
        EndOfImage = 0xD9, StartOfScan = 0xDA;

    /// <summary>How many scans begin before the end of the image, up to one more than the most that are asked for.</summary>
    public static int Count(ReadOnlySequence<byte> file, int most)
    {
        var reader = new SequenceReader<byte>(file);
        var scans = 0;
        while (scans <= most && reader.TryAdvanceTo(Prefix) && reader.TryRead(out var marker))
        {
            switch (marker)
            {
                case Prefix:
                    reader.Rewind(1);                       // any number of them may come before a marker
                    continue;
                case Stuffed or Temporary or StartOfImage or (>= FirstRestart and <= LastRestart):
                    continue;
                case EndOfImage:
                    return scans;
                case StartOfScan:
                    scans++;
                    break;
            }
            if (!reader.TryReadBigEndian(out short length) || (ushort)length < sizeof(short))
                return scans;
            // A thumbnail within a segment has scans of its own, which nobody decodes.
            if (reader.Remaining < (ushort)length - sizeof(short))
                return scans;
            reader.Advance((ushort)length - sizeof(short));
        }
        return scans;
    }
}
