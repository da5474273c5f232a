using ZeroOneShot.Layers;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>Lets modules run again without changing anything: running statistics stay, and random numbers come out as they did.</summary>
/// <param name="network">The modules.</param>
internal sealed class RepeatedRuns(nn.Module network)
{
    private readonly IRepeatable[] _repeatables = [.. network.modules().OfType<IRepeatable>()];
    private readonly nn.Module[] _others =
        [.. network.modules().Where(module => module is not IRepeatable && module.buffers(recurse: false).Any())];

    private bool[]? _tracked;
    private Tensor[]? _before;

    /// <summary>
    /// Whether forward runs update running statistics and draw new random numbers: false, not any more; true, as they did before.
    /// </summary>
    public void Track(bool tracks)
    {
        if (!tracks)
            _tracked ??= [.. _repeatables.Select(module => module.Tracks)];
        foreach (var (i, module) in _repeatables.Index())
            module.Tracks = tracks && _tracked?[i] != false;
        if (tracks)
            _tracked = null;
        if (_others.Length == 0)
            return;
        // What other modules change in their buffers while they run again is put back.
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var buffers = _others.SelectMany(module => module.buffers(recurse: false)).ToArray();
        if (!tracks)
        {
            // As they are now: weights and buffers may have been drawn since runs were last told to repeat.
            foreach (var old in _before ?? [])
                old.Dispose();
            _before = [.. buffers.Select(buffer => buffer.clone().DetachFromDisposeScope())];
            return;
        }
        foreach (var (buffer, before) in buffers.Zip(_before ?? []))
        {
            buffer.copy_(before);
            before.Dispose();
        }
        _before = null;
    }
}
