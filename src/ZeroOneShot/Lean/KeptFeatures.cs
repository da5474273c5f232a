using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// The features that a network keeps from its forward to its backward run: 0 is the stem's output, i + 1 that of cell i. In bfloat16, they
/// are rounded when they are made, and held in full precision only while they are used.
/// </summary>
internal sealed class KeptFeatures(bool bfloat16)
{
    private readonly List<Tensor> _kept = [];
    private readonly Dictionary<int, Tensor> _full = [];

    /// <summary>The number of the features that are added next.</summary>
    public int Count => _kept.Count;

    /// <summary>The features of a number, in full precision.</summary>
    public Tensor this[int number]
    {
        get
        {
            if (!bfloat16)
                return _kept[number];
            if (!_full.TryGetValue(number, out var features))
            {
                _full[number] = features = Like(_kept[number], ScalarType.Float32).copy_(_kept[number]);
                _kept[number].Dispose();                                            // nobody asks for it once more
            }
            return features;
        }
    }

    /// <summary>Adds features, which this may change. Those two numbers before are taken as used.</summary>
    public void Add(Tensor features)
    {
        if (!bfloat16)
        {
            _kept.Add(features);
            return;
        }
        using var _ = no_grad();
        var rounded = Like(features, ScalarType.BFloat16).copy_(features);
        features.copy_(rounded);
        _full[Count] = features;
        _kept.Add(rounded);
        if (_full.Remove(Count - 3, out var used))
            used.Dispose();
    }

    /// <summary>Lets go of features that are not used any more.</summary>
    public void Drop(int number)
    {
        _kept[number].Dispose();
        if (_full.Remove(number, out var features))
            features.Dispose();
    }

    private static Tensor Like(Tensor features, ScalarType type) => features.device_type == TorchSharp.DeviceType.CPU
        ? FeatureMemory.Empty(features.shape, type) : empty_like(features, dtype: type);
}
