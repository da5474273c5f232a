using ZeroOneShot.Onnx;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// One step of an operation, a stem or a head: all that is known of it. An operation is a list of layers; its module, size, cost, memory
/// and ONNX form are derived from that list and from nothing else.
/// </summary>
/// <remarks>
/// <para>Derive a layer of your own and give it to a <see cref="SearchSpaces.CandidateOperation"/>. It is computed by its module: on the
/// processor, where this library's own layers compute on 16 images side by side, features are brought into libtorch's order for it and
/// back, and libtorch's autograd runs backwards through that module alone; the numbers are exactly those of its module.</para>
/// <para>A list of layers has a number of input channels and of output channels: a layer that changes the channels makes the output
/// channels of its list, any other keeps those that it gets.</para>
/// </remarks>
public abstract record Layer
{
    /// <summary>What the layer makes of features of a size.</summary>
    /// <param name="input">The size of its input.</param>
    /// <param name="channels">The output channels of the list of layers.</param>
    public abstract FeatureSize Output(FeatureSize input, long channels);

    /// <summary>The learned parameters, and the multiply-adds of one image.</summary>
    /// <param name="input">The size of its input.</param>
    /// <param name="channels">The output channels of the list of layers.</param>
    /// <param name="affine">Whether normalisations have a learned scale and shift.</param>
    public abstract LayerCost Cost(FeatureSize input, long channels, bool affine);

    /// <summary>
    /// The module, from N x C x H x W to N x C' x H' x W'. Its start values are drawn by <see cref="Networks.Initialization"/>; see
    /// <see cref="IDrawnWeights"/>. What it needs to know of repeated runs tells <see cref="IRepeatable"/>.
    /// </summary>
    /// <param name="inputChannels">Channels of its input.</param>
    /// <param name="channels">The output channels of the list of layers.</param>
    /// <param name="affine">Whether normalisations have a learned scale and shift.</param>
    public abstract nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine);

    /// <summary>Adds the layer, as it classifies, to an ONNX model.</summary>
    /// <param name="graph">The model under construction.</param>
    /// <param name="x">The name of the input in the model.</param>
    /// <param name="input">The size of the input.</param>
    /// <param name="module">The module that <see cref="Build"/> made.</param>
    /// <returns>The name of the output in the model.</returns>
    public abstract string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module);

    /// <summary>
    /// Numbers per image that a run holds besides its input and its output: what the module makes on the way, and what autograd keeps.
    /// Matters where libtorch computes: on a GPU, and for a layer without a form in lanes. Default: twice the input and twice the output.
    /// </summary>
    /// <param name="input">The size of its input.</param>
    /// <param name="output">The size of its output.</param>
    public virtual long Workspace(FeatureSize input, FeatureSize output) => 2 * (input.Count + output.Count);

    /// <summary>Whether two runs on the same input give different outputs, as noise does. Default false.</summary>
    public virtual bool IsRandom => false;

    /// <summary>Whether it is somebody's own, not one of this library.</summary>
    internal bool IsForeign => GetType().Assembly != typeof(Layer).Assembly;

    /// <summary>Whether its output is zeros, whatever its input. Default false.</summary>
    internal virtual bool GivesZeros => false;

    /// <summary>Whether it computes in lanes, by the kernels of this library. If so, its module is an <see cref="ILaneModule"/>.</summary>
    internal virtual bool RunsInLanes => false;

    /// <summary>Whether all it does is to make 0 of negative numbers, which a layer behind it may do as it reads.</summary>
    internal virtual bool Rectifies => false;

    /// <summary>Whether it can read what is positive alone, so that a layer before it which rectifies needs no run of its own.</summary>
    internal virtual bool ReadsRectified => false;

    /// <summary>The same as <see cref="Walk"/> for a layer that rectifies what it reads.</summary>
    internal virtual void WalkRectified(MemoryWalk walk, long channels, bool affine) =>
        throw new NotSupportedException($"{GetType().Name} does not read rectified.");

    /// <summary>Tells, step by step, what a run in lanes makes, keeps for the backward run and lets go of.</summary>
    internal virtual void Walk(MemoryWalk walk, long channels, bool affine) => walk.InImages(this, channels);
}
