namespace ZeroOneShot.Data;

/// <summary>The two CIFAR data sets.</summary>
public enum CifarKind
{
    /// <summary>CIFAR-10: records of 3,073 bytes, one label.</summary>
    Cifar10,

    /// <summary>CIFAR-100: records of 3,074 bytes, a coarse and a fine label.</summary>
    Cifar100,
}
