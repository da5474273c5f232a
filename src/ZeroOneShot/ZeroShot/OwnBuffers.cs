using System.Runtime.CompilerServices;
using ZeroOneShot.Layers;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// The buffers of a network's modules that are somebody's own, and no <see cref="IRepeatable"/>: what a ranking function changes in them by
/// running the network is put back, so that the next one sees the same network.
/// </summary>
internal sealed class OwnBuffers : IDisposable
{
    // Looking through all modules takes longer than a small ranking.
    private static readonly ConditionalWeakTable<nn.Module, nn.Module[]> s_modules = [];

    private readonly nn.Module[] _owners;
    private readonly Tensor[] _before;

    public OwnBuffers(nn.Module network)
    {
        _owners = s_modules.GetValue(network, of =>
            [.. of.modules().Where(module => module is not IRepeatable && module.buffers(recurse: false).Any())]);
        using var _ = no_grad();
        _before = [.. Buffers.Select(buffer => buffer.clone().DetachFromDisposeScope())];
    }

    // Asked for each time: a function that computes in double precision gives modules other tensors.
    private IEnumerable<Tensor> Buffers => _owners.SelectMany(module => module.buffers(recurse: false));

    public void Dispose()
    {
        using var _ = no_grad();
        foreach (var (buffer, before) in Buffers.Zip(_before))
        {
            buffer.copy_(before);
            before.Dispose();
        }
    }
}
