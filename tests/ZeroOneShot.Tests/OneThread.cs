using System.Runtime.CompilerServices;
using TorchSharp;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests;

/// <summary>
/// Tests run on one thread of libtorch's: the networks are small, and threads that wait for one another cost far more than they bring where
/// the processors are shared.
/// </summary>
internal static class OneThread
{
    [ModuleInitializer]
    internal static void Set()
    {
        TorchRuntime.EnsureLoaded();
        torch.set_num_threads(1);
    }
}
