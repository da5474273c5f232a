using System.Text.Json.Serialization;
using TorchSharp;
using ZeroOneShot.Networks;

namespace ZeroOneShot.OneShot;

/// <summary>
/// What a one-shot method adds to the cross entropy in the architecture's half of a step. Derive your own from it: a record whose public
/// properties are its settings, since they are what a checkpoint compares and what a saved model says of its search.
/// </summary>
[JsonConverter(typeof(SettingsOfOwnType))]
public abstract record ArchitectureLossTerm
{
    /// <summary>
    /// The term: a scalar with gradient, or null where it is nothing at that moment. Its gradient goes to alphas and betas.
    /// </summary>
    /// <param name="architecture">Alphas and betas.</param>
    /// <param name="relaxation">How they become mixing weights.</param>
    /// <param name="moment">When the step is taken.</param>
    public abstract torch.Tensor? Loss(ArchitectureParameters architecture, Relaxation relaxation, SearchMoment moment);

    /// <summary>Checks the settings before anything runs. Default: nothing to check.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range; the message names it.</exception>
    public virtual void Validate()
    {
    }
}
