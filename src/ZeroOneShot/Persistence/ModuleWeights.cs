using static TorchSharp.torch;

namespace ZeroOneShot.Persistence;

/// <summary>The parameters and buffers of a module, to and from safetensors files.</summary>
public static class ModuleWeights
{
    // Only a running mean without momentum uses this counter, and files of other makers often leave it out.
    private const string BatchCounter = "num_batches_tracked";

    /// <summary>
    /// Copies every parameter and buffer of a module from a file. Names must match one to one, and so must shapes; floating-point values
    /// are converted to the module's type. All is checked and read before anything is copied: on an error the module is as it was.
    /// <c>num_batches_tracked</c> may be absent from the file and is then left as it is.
    /// </summary>
    /// <param name="module">The module to fill, on any device.</param>
    /// <param name="file">The file.</param>
    /// <param name="prefix">
    /// What stands before the module's own names in the file, for example <c>state/</c>; tensors without it do not matter.
    /// </param>
    /// <param name="ignore">
    /// Names, without the prefix, to leave alone in both the module and the file: of a tensor, or of a child module and so of all in it
    /// (<c>auxiliary_head</c>).
    /// </param>
    /// <exception cref="InvalidDataException">
    /// The file lacks a parameter, has it with another shape or type, or has one that the module lacks; the message names the file and
    /// the first such parameter.
    /// </exception>
    public static void Load(nn.Module module, SafetensorsFile file, string prefix = "", IReadOnlyList<string>? ignore = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(prefix);
        var wanted = Tensors(module).Where(t => !IsIgnored(t.Name, ignore)).ToList();
        foreach (var (name, tensor) in wanted)
            Check(name, tensor, file, prefix);
        CheckNothingIsLeft(module, wanted, file, prefix, ignore);

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
    /// <exception cref="UnauthorizedAccessException">This process may not write there.</exception>
    public static void Save(nn.Module module, string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        SafetensorsFile.Write(path, Tensors(module), metadata);
    }

    private static IEnumerable<(string Name, Tensor Tensor)> Tensors(nn.Module module) =>
        module.named_parameters().Select(p => (p.name, (Tensor)p.parameter)).Concat(module.named_buffers().Select(b => (b.name, b.buffer)));

    private static void Check(string name, Tensor tensor, SafetensorsFile file, string prefix)
    {
        if (!file.Tensors.TryGetValue(prefix + name, out var entry))
        {
            if (name == BatchCounter || name.EndsWith("." + BatchCounter, StringComparison.Ordinal))
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
        nn.Module module, List<(string Name, Tensor Tensor)> wanted, SafetensorsFile file, string prefix, IReadOnlyList<string>? ignore)
    {
        var known = wanted.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var stored in file.Tensors.Keys.Where(stored => stored.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var name = stored[prefix.Length..];
            if (!known.Contains(name) && !IsIgnored(name, ignore))
                throw Mismatch(file, $"it has '{stored}', which the network ({module.GetName()}, {known.Count} tensors) does not have");
        }
    }

    private static bool IsIgnored(string name, IReadOnlyList<string>? ignore) =>
        ignore?.Any(i => name == i || name.StartsWith(i + ".", StringComparison.Ordinal)) ?? false;

    private static InvalidDataException Mismatch(SafetensorsFile file, string found) =>
        new($"The weights in '{file.Path}' do not fit the network: {found}. " +
            "Use weights saved from the same architecture, channels and number of classes.");
}
