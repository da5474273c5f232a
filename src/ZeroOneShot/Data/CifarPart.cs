namespace ZeroOneShot.Data;

/// <summary>The two parts in which CIFAR is published.</summary>
public enum CifarPart
{
    /// <summary>The training images, 50,000 as published.</summary>
    Train,

    /// <summary>The test images, 10,000 as published.</summary>
    Test,
}
