namespace ZeroOneShot.Runtime;

/// <summary>Which libtorch a process computes with.</summary>
/// <param name="Version">For example <c>2.10.0</c>; null where the library does not tell, which libtorch does since 2.10.</param>
/// <param name="Folder">The folder of the library; null where the system does not tell.</param>
/// <param name="IsLent">
/// Whether it is the one that <see cref="TorchRuntime.LibtorchSetting"/> names, not the application's own.
/// </param>
/// <param name="HasCuda">Whether it is a CUDA build, loaded with it. Whether there is a GPU as well, that does not say.</param>
public sealed record LibtorchInfo(string? Version, string? Folder, bool IsLent, bool HasCuda)
{
    /// <summary>For example <c>libtorch 2.10.0 with CUDA in '/opt/torch/lib', lent by ZEROONESHOT_LIBTORCH</c>.</summary>
    public override string ToString() =>
        $"libtorch {Version ?? "of an unknown version"} {(HasCuda ? "with" : "without")} CUDA in '{Folder ?? "an unknown folder"}', " +
        (IsLent ? "lent by ZEROONESHOT_LIBTORCH" : "the application's own");
}
