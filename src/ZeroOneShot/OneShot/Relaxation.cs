using System.Text.Json.Serialization;
using TorchSharp;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.OneShot;

/// <summary>
/// How a one-shot method makes mixing weights of its architecture parameters, and reads a genotype off them. Derive your own from it: a
/// record whose public properties are its settings, since they are what a checkpoint compares and what a saved model says of its search.
/// </summary>
[JsonConverter(typeof(SettingsOfOwnType))]
public abstract record Relaxation
{
    /// <summary>
    /// How strong every operation is: edges x operations, at least 0, 0 where masked, with gradient. What a genotype is read off, and what
    /// a <see cref="CostTarget"/> takes, edge by edge in proportion, for the probability that an operation is chosen.
    /// </summary>
    /// <param name="architecture">Alphas and betas.</param>
    /// <param name="kind">The kind of cell.</param>
    public abstract torch.Tensor Strengths(ArchitectureParameters architecture, CellKind kind);

    /// <summary>
    /// The weights to mix with in one half of a step. Default: all live operations by their <see cref="Strengths"/>, edges by the softmax
    /// of beta where there is one.
    /// </summary>
    /// <param name="architecture">Alphas and betas.</param>
    /// <param name="moment">When the step is taken.</param>
    /// <param name="random">
    /// The random numbers of this half of the step, the same whenever it is taken again. Others would make a resumed search another one.
    /// </param>
    public virtual Mixture Mix(ArchitectureParameters architecture, SearchMoment moment, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        return architecture.Mixture(kind => Strengths(architecture, kind));
    }

    /// <summary>
    /// Reads off the architecture: per node the incoming edges, two in DARTS, whose strongest live operation other than <c>none</c> scores
    /// highest, each with that operation; a score is the strength, times the edge's weight where there is one. Under a
    /// <see cref="CostTarget"/> the sum of the same scores decides among the genotypes that meet it.
    /// </summary>
    /// <param name="architecture">Alphas and betas.</param>
    /// <exception cref="ArgumentException">The mask leaves a node fewer usable edges than a genotype keeps.</exception>
    public Genotype Genotype(ArchitectureParameters architecture)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        return architecture.Reading(kind => Strengths(architecture, kind), MayShareInput).Strongest();
    }

    /// <summary>
    /// Whether both edges into a node of a genotype may come from the same state, with two operations. Default false, as DARTS.
    /// </summary>
    [JsonIgnore]
    public virtual bool MayShareInput => false;

    /// <summary>
    /// Standard deviation of the start values of alphas and betas, at least 0. Default <see cref="ArchitectureParameters.InitialScale"/>.
    /// </summary>
    [JsonIgnore]
    public virtual double InitialScale => ArchitectureParameters.InitialScale;

    /// <summary>Checks the settings before anything runs. Default: nothing to check.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    public virtual void Validate()
    {
    }
}
