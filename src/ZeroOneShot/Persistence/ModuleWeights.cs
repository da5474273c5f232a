using static TorchSharp.torch;

namespace ZeroOneShot.Persistence;

/// <summary>The parameters and buffers of a module, to and from safetensors files.</summary>
public static class ModuleWeights
{
    // Only a running mean without momentum uses this counter, and files of other makers often leave it out.
    private const string BatchCounter = "num_batches_tracked";
    private const string RunningMean = "running_mean";

    /// <summary>
    /// Copies every parameter and buffer of a module from a file. Names must match one to one, and so must shapes; floating-point values
    /// are converted to the module's type. All is checked and read before anything is copied: on an error the module is as it was.
    /// <c>num_batches_tracked</c> may be absent from the file, and then is left as it is, or from the module, and then is passed over.
    /// </summary>
    /// <remarks>
    /// A <see cref="Networks.Supernet"/> and a <see cref="Networks.CellNet"/> have the parameter names of the public PyTorch code of DARTS
    /// and PC-DARTS, so a <c>state_dict()</c> saved by Python's <c>safetensors</c> package loads as it is. A supernet whose mask leaves
    /// operations out takes the rest from a file of the whole network with
    /// <c>ignore: supernet.MaskedOperationNames</c>.
    /// </remarks>
    /// <param name="module">The module to fill, on any device.</param>
    /// <param name="file">The file.</param>
    /// <param name="prefix">
    /// What stands before the module's own names in the file, for example <c>state/</c>; tensors without it do not matter.
    /// </param>
    /// <param name="ignore">
    /// Names, without the prefix, to leave alone in both the module and the file: of a tensor, or of a child module and so of all in it
    /// (<c>auxiliary_head</c>).
    /// </param>
    /// <param name="parametersOnly">
    /// True for a file that holds what an optimizer trains and no more: buffers, such as the running statistics of batch norms, are left
    /// as they are, whether the file has them or not.
    /// </param>
    /// <exception cref="InvalidDataException">
    /// The file lacks a parameter, has it with another shape or type, or has one that the module lacks; the message names the file and
    /// the first such parameter.
    /// </exception>
    public static void Load(
        nn.Module module, SafetensorsFile file, string prefix = "", IReadOnlyList<string>? ignore = null,
        bool parametersOnly = false)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(prefix);
        if (parametersOnly)
            ignore = [.. ignore ?? [], .. module.named_buffers().Select(b => b.name)];
        var ignored = ignore?.ToHashSet(StringComparer.Ordinal) ?? [];
        var wanted = Tensors(module).Where(t => !IsIgnored(t.Name, ignored)).ToList();
        foreach (var (name, tensor) in wanted)
            Check(name, tensor, file, prefix);
        CheckNothingIsLeft(module, wanted, file, prefix, ignored);

        using var scope = NewDisposeScope();
        var values = wanted.Where(t => file.Contains(prefix + t.Name)).Select(t => (t.Tensor, Value: file.Load(prefix + t.Name))).ToList();
        using var noGradient = no_grad();
        foreach (var (tensor, value) in values)
            tensor.copy_(value);
    }

    /// <summary>Writes every parameter and buffer of a module under its own name, all or nothing.</summary>
    /// <param name="module">The module, on any device.</param>
    /// <param name="path">The file to write or replace.</param>
    /// <param name="metadata">Texts to store with them.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(nn.Module module, string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        SafetensorsFile.Write(path, Tensors(module), metadata);
    }

    /// <summary>Every parameter and buffer of a module under its own name.</summary>
    internal static IEnumerable<(string Name, Tensor Tensor)> Tensors(nn.Module module) =>
        module.named_parameters().Select(p => (p.name, (Tensor)p.parameter)).Concat(module.named_buffers().Select(b => (b.name, b.buffer)));

    private static void Check(string name, Tensor tensor, SafetensorsFile file, string prefix)
    {
        if (!file.Tensors.TryGetValue(prefix + name, out var entry))
        {
            if (CountsBatches(name))
                return;
            throw Mismatch(file, $"it has no '{prefix + name}', which the network has with shape [{string.Join(", ", tensor.shape)}]");
        }
        if (!entry.Shape.SequenceEqual(tensor.shape))
        {
            throw Mismatch(file, $"'{prefix + name}' has shape [{string.Join(", ", entry.Shape)}]; " +
                $"the network expects [{string.Join(", ", tensor.shape)}]");
        }
        if (entry.DType != tensor.dtype && !(is_floating_point(entry.DType) && is_floating_point(tensor.dtype)))
            throw Mismatch(file, $"'{prefix + name}' is of type {entry.DType}; the network expects {tensor.dtype}");
    }

    private static void CheckNothingIsLeft(
        nn.Module module, List<(string Name, Tensor Tensor)> wanted, SafetensorsFile file, string prefix, HashSet<string> ignored)
    {
        var known = wanted.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        var buffers = module.named_buffers().Select(b => b.name).ToHashSet(StringComparer.Ordinal);
        foreach (var stored in file.Tensors.Keys.Where(stored => stored.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var name = stored[prefix.Length..];
            if (!known.Contains(name) && !IsIgnored(name, ignored) && !IsCounterOfKnownNorm(name))
                throw Mismatch(file, $"it has '{stored}', which the network ({module.GetName()}, {known.Count} tensors) does not have");
        }

        bool IsCounterOfKnownNorm(string name) => CountsBatches(name) && buffers.Contains(name[..^BatchCounter.Length] + RunningMean);
    }

    private static bool CountsBatches(string name) => name == BatchCounter || name.EndsWith("." + BatchCounter, StringComparison.Ordinal);

    // A name is ignored when it, or any of the modules it is in, is listed. One look-up per level: the lists can be long.
    private static bool IsIgnored(string name, HashSet<string> ignored)
    {
        for (var end = name.Length; end > 0; end = name.LastIndexOf('.', end - 1))
        {
            if (ignored.Contains(name[..end]))
                return true;
        }
        return false;
    }

    private static InvalidDataException Mismatch(SafetensorsFile file, string found) =>
        new($"The weights in '{file.Path}' do not fit the network: {found}. " +
            "Use weights saved from the same architecture, channels and number of classes.");
}
