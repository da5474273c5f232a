using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ZeroOneShot.Runtime;

/// <summary>Loads a changed native library on Linux, of which no file stays behind.</summary>
internal static partial class PrivateCopy
{
    /// <summary>
    /// Loads the library from memory or, where the system does not allow that, from a file in the temporary folder, which is deleted at
    /// once.
    /// </summary>
    /// <param name="image">The whole library.</param>
    /// <param name="name">Its file name.</param>
    /// <param name="inPlaceOf">The file that the library is a changed copy of: who loads that one from now on gets the copy.</param>
    /// <exception cref="DllNotFoundException">Both failed; the message says what was tried and what to set.</exception>
    public static void Load(byte[] image, string name, string inPlaceOf)
    {
        string reason;
        try
        {
            FromMemory(image, name, inPlaceOf);
            return;
        }
        catch (Exception e) when (IsRefusal(e) || e is EntryPointNotFoundException)
        {
            reason = e.Message;
        }
        try
        {
            FromTemporaryFile(image, name, inPlaceOf);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw new DllNotFoundException(
                $"A copy of {inPlaceOf} that asks for an older libstdc++ could be loaded neither from memory ({reason}) nor from the " +
                $"temporary folder '{Path.GetTempPath()}' ({e.Message}). Set TMPDIR to a folder that exists, may be written to, has " +
                $"{(image.Length >> 20) + 1} MiB free and is not mounted noexec.", e);
        }
    }

    /// <summary>From a file that has no name.</summary>
    internal static void FromMemory(byte[] image, string name, string inPlaceOf)
    {
        const uint closeOnExec = 1;
        using var file = new SafeFileHandle(MakeFileInMemory(name, closeOnExec), ownsHandle: true);
        if (file.IsInvalid)
            throw new IOException($"memfd_create: {Marshal.GetLastPInvokeErrorMessage()}");
        RandomAccess.Write(file, image, 0);
        Load($"/proc/self/fd/{file.DangerousGetHandle()}", inPlaceOf);
    }

    /// <summary>From a file that has no name any more once it is loaded.</summary>
    internal static void FromTemporaryFile(byte[] image, string name, string inPlaceOf)
    {
        var folder = Directory.CreateTempSubdirectory("zerooneshot-");
        try
        {
            var path = Path.Combine(folder.FullName, name);
            File.WriteAllBytes(path, image);
            Load(path, inPlaceOf);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Load(string path, string inPlaceOf) =>
        NativeBinding.StandIn(NativeBinding.Load(path), path, inPlaceOf);

    private static bool IsRefusal(Exception e) =>
        e is IOException or UnauthorizedAccessException or DllNotFoundException or BadImageFormatException;

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int MakeFileInMemory(string name, uint flags);
}
