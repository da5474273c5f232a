using System.Numerics.Tensors;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using Microsoft.ML.Trainers.FastTree;
using Microsoft.ML.Transforms;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>
/// A surrogate's ML.NET model as flat arrays, read off the model once: the same predictions without a pipeline of data views around each,
/// which takes many times as long as the arithmetic.
/// </summary>
internal sealed class FlatSurrogate
{
    // 2^60: beside a number times it all that is added is lost to rounding.
    private const float Large = 1L << 60;

    private readonly float[] _scale, _offset, _weights;
    private readonly float _bias, _ofLinear, _ofTrees, _constant;
    private readonly Node[] _nodes;
    private readonly int[] _roots;                                  // of every tree; below 0 a leaf, as in Node
    private readonly double[] _leaves;
    private readonly double _ofNoTree;

    /// <param name="context">Where the model is from.</param>
    /// <param name="model">What <see cref="SurrogateTraining"/> made.</param>
    /// <exception cref="InvalidDataException">It is another model.</exception>
    public FlatSurrogate(MLContext context, ITransformer model)
    {
        var parts = Parts(model).ToArray();
        var scaling = parts.OfType<NormalizingTransformer>().FirstOrDefault()?.GetNormalizerModelParameters(0)
            as NormalizingTransformer.AffineNormalizerModelParameters<System.Collections.Immutable.ImmutableArray<float>>;
        var predictors = parts.OfType<ISingleFeaturePredictionTransformer<object>>().Select(part => part.Model).ToArray();
        var linear = predictors.OfType<LinearRegressionModelParameters>().FirstOrDefault();
        var ensemble = predictors.OfType<FastTreeRegressionModelParameters>().FirstOrDefault()?.TrainedTreeEnsemble;
        if (scaling is null || linear is null || ensemble is null || parts[^1] is not ExpressionTransformer sum
            || linear.Weights.Count != GenotypeFeatures.LinearCount || scaling.Scale.Length != GenotypeFeatures.LinearCount)
        {
            throw new InvalidDataException(
                $"its model is not the sum of a linear one of {GenotypeFeatures.LinearCount} features and an ensemble of trees");
        }
        _scale = [.. scaling.Scale];
        _offset = scaling.Offset.Length > 0 ? [.. scaling.Offset] : new float[_scale.Length];
        (_weights, _bias) = ([.. linear.Weights], linear.Bias);

        var (nodes, leaves) = (new List<Node>(), new List<double>());
        _roots = [.. ensemble.Trees.Zip(ensemble.TreeWeights, (tree, weight) => Add(tree, weight, nodes, leaves))];
        (_nodes, _leaves, _ofNoTree) = ([.. nodes], [.. leaves], ensemble.Bias);

        // x * w + y * v + m, in single precision: its numbers are read off exactly at 0 and where one term outweighs all others.
        var at = sum.Transform(context.Data.LoadFromEnumerable<Terms>(
            [new(), new() { Linear = Large }, new() { Trees = Large }])).GetColumn<float>("Score").ToArray();
        (_constant, _ofLinear, _ofTrees) = (at[0], at[1] / Large, at[2] / Large);
    }

    /// <summary>The accuracy that is predicted for a genotype of DARTS, in percent.</summary>
    public double Predict(Genotype genotype)
    {
        Span<float> features = stackalloc float[GenotypeFeatures.LinearCount];
        GenotypeFeatures.Write(genotype, features);
        var trees = (float)Trees(features);
        // In place, in the order and precision of ML.NET.
        TensorPrimitives.Subtract(features, _offset, features);
        TensorPrimitives.Multiply(features, _scale, features);
        var linear = _bias + TensorPrimitives.Dot(features, _weights);
        return linear * _ofLinear + trees * _ofTrees + _constant;
    }

    private double Trees(ReadOnlySpan<float> features)
    {
        var sum = _ofNoTree;
        foreach (var root in _roots)
        {
            var at = root;
            while (at >= 0)
            {
                ref readonly var node = ref _nodes[at];
                at = features[node.Feature] <= node.Threshold ? node.Left : node.Right;
            }
            sum += _leaves[~at];
        }
        return sum;
    }

    private static int Add(RegressionTree tree, double weight, List<Node> nodes, List<double> leaves)
    {
        if (tree.CategoricalSplitFlags.Any(categorical => categorical))
            throw new InvalidDataException("its trees split by categories, and features are numbers");
        var (firstNode, firstLeaf) = (nodes.Count, leaves.Count);
        leaves.AddRange(tree.LeafValues.Select(value => weight * value));
        if (tree.NumberOfNodes == 0)
            return ~firstLeaf;
        for (var node = 0; node < tree.NumberOfNodes; node++)
        {
            nodes.Add(new Node(tree.NumericalSplitFeatureIndexes[node], tree.NumericalSplitThresholds[node],
                Child(tree.LeftChild[node]), Child(tree.RightChild[node])));
        }
        return firstNode;

        int Child(int child) => child >= 0 ? firstNode + child : ~(firstLeaf + ~child);
    }

    private static IEnumerable<ITransformer> Parts(ITransformer model) =>
        model is IEnumerable<ITransformer> chain ? chain.SelectMany(Parts) : [model];

    /// <summary>A split: by a feature, at a threshold, to another node or, below 0, the complement of a leaf's number.</summary>
    private readonly record struct Node(int Feature, float Threshold, int Left, int Right);

    /// <summary>What the sum adds up.</summary>
    private sealed class Terms
    {
        public float Linear { get; set; }

        public float Trees { get; set; }
    }
}
