using System.Buffers.Binary;
using System.Text;

namespace ZeroOneShot.Runtime;

/// <summary>The version requirements (<c>.gnu.version_r</c>) of a 64-bit little-endian ELF library, as an editable image.</summary>
internal static class VersionRequirements
{
    private const uint SectionTypeVersionNeed = 0x6ffffffe;
    private const ushort FlagWeak = 0x2;

    /// <summary>
    /// Marks every requirement of <paramref name="version"/> as weak, so that the dynamic linker accepts a library that lacks it.
    /// </summary>
    /// <param name="image">The whole file; changed in place.</param>
    /// <param name="version">For example <c>GLIBCXX_3.4.32</c>.</param>
    /// <returns>How many requirements were marked.</returns>
    /// <exception cref="BadImageFormatException">The image is not a 64-bit little-endian ELF file.</exception>
    public static int MarkWeak(Span<byte> image, string version)
    {
        if (image.Length < 64 || !image[..6].SequenceEqual((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1]))
            throw new BadImageFormatException("The library is not a 64-bit little-endian ELF file.");

        var name = Encoding.ASCII.GetBytes(version);
        var sections = (int)BinaryPrimitives.ReadUInt64LittleEndian(image[0x28..]);
        var sectionSize = BinaryPrimitives.ReadUInt16LittleEndian(image[0x3a..]);
        var sectionCount = BinaryPrimitives.ReadUInt16LittleEndian(image[0x3c..]);
        var marked = 0;
        for (var s = 0; s < sectionCount; s++)
        {
            var section = image[(sections + s * sectionSize)..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(section[4..]) != SectionTypeVersionNeed)
                continue;
            var strings = image[SectionOffset(
                image[(sections + (int)BinaryPrimitives.ReadUInt32LittleEndian(section[0x28..]) * sectionSize)..])..];
            var need = SectionOffset(section);
            while (true)                                                            // Elf64_Verneed: one per library
            {
                int entries = BinaryPrimitives.ReadUInt16LittleEndian(image[(need + 2)..]);
                var entry = need + (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(need + 8)..]);
                for (var e = 0; e < entries; e++)                                   // Elf64_Vernaux: one per version
                {
                    var text = strings[(int)BinaryPrimitives.ReadUInt32LittleEndian(image[(entry + 8)..])..];
                    if (text.StartsWith(name) && text[name.Length] == 0)
                    {
                        BinaryPrimitives.WriteUInt16LittleEndian(image[(entry + 4)..], FlagWeak);
                        marked++;
                    }
                    entry += (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(entry + 12)..]);
                }
                var next = (int)BinaryPrimitives.ReadUInt32LittleEndian(image[(need + 12)..]);
                if (next == 0)
                    break;
                need += next;
            }
        }
        return marked;

        static int SectionOffset(ReadOnlySpan<byte> section) => (int)BinaryPrimitives.ReadUInt64LittleEndian(section[0x18..]);
    }
}
