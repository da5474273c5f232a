// Runs an application as a plug-in, in a collectible context that asks the plug-in's .deps.json for everything, and unloads it; twice.
// Arguments: the plug-in's assembly, then those of its Main.
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

for (var time = 0; time < 2; time++)
{
    if (Run(args[0], args[1..]) is var exitCode and not 0)
        return exitCode;
}
return 0;

[MethodImpl(MethodImplOptions.NoInlining)]
static int Run(string path, string[] arguments)
{
    var context = new PluginContext(path);
    try
    {
        return (int)context.LoadFromAssemblyPath(path).EntryPoint!.Invoke(null, [arguments])!;
    }
    finally
    {
        context.Unload();
    }
}

internal sealed class PluginContext(string path) : AssemblyLoadContext(isCollectible: true)
{
    private readonly AssemblyDependencyResolver _resolver = new(path);

    protected override Assembly? Load(AssemblyName assemblyName) =>
        _resolver.ResolveAssemblyToPath(assemblyName) is { } file ? LoadFromAssemblyPath(file) : null;

    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } file ? LoadUnmanagedDllFromPath(file) : 0;
}
