using System.Runtime.InteropServices;

namespace ZeroOneShot.Runtime;

/// <summary>Loads libraries on Linux in ways that <see cref="NativeLibrary"/> does not offer.</summary>
internal static unsafe partial class NativeBinding
{
    private const int Lazy = 1, Now = 2, OnlyIfLoaded = 4;

    /// <summary>
    /// Loads a library and finds all functions that it calls at once: where one is missing, that is an error here, and not the end of the
    /// process when it is first called.
    /// </summary>
    /// <exception cref="DllNotFoundException">It cannot be loaded, or a function is missing; the message is the loader's.</exception>
    public static nint Load(string path)
    {
        _ = Error();                                        // to find it, .NET asks the loader, which then forgets its last error
        return Open(path, Now) is var handle and not 0 ? handle : throw new DllNotFoundException(LastError());
    }

    /// <summary>Whether this very file is loaded already.</summary>
    public static bool IsLoaded(string path) => Open(path, Lazy | OnlyIfLoaded) != 0;

    /// <summary>Who asks for one file from now on gets a loaded library: the loader compares names before it looks for a file.</summary>
    /// <param name="library">The library.</param>
    /// <param name="loadedAs">The path under which it was loaded; where it has another name, nothing changes.</param>
    /// <param name="path">The file in whose place it stands.</param>
    public static void StandIn(nint library, string loadedAs, string path)
    {
        const int linkMap = 2;
        LinkMap* map;
        if (LoaderInfo(library, linkMap, &map) == 0 && Marshal.PtrToStringUTF8(map->Name) == loadedAs)
            map->Name = CopyString(path);
    }

    private static string LastError() => Marshal.PtrToStringUTF8(Error()) ?? "The loader gives no reason.";

    [LibraryImport("libc", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "dlerror")]
    private static partial nint Error();

    [LibraryImport("libc", EntryPoint = "dlinfo")]
    private static partial int LoaderInfo(nint handle, int request, void* info);

    // In the C library's memory: the loader frees it with the library.
    [LibraryImport("libc", EntryPoint = "strdup", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint CopyString(string text);

    /// <summary>The public beginning of glibc's link_map.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct LinkMap
    {
        public nint Address;
        public nint Name;
    }
}
