using TorchSharp;
using TorchSharp.Modules;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Optimization;

/// <summary>
/// Parameters laid end to end in one tensor, of which each becomes a view, and their gradients likewise. An optimizer then moves them all
/// in a handful of operations instead of several for each.
/// </summary>
internal sealed class FlatParameters : IDisposable
{
    private readonly Parameter[] _parameters;

    /// <summary>Moves the parameters into one tensor; they keep their values and get zero gradients.</summary>
    /// <param name="parameters">Of one type, on one device.</param>
    public FlatParameters(IEnumerable<Parameter> parameters)
    {
        _parameters = [.. parameters];
        using var noGradient = no_grad();
        using (var scope = NewDisposeScope())
        {
            Values = cat([.. _parameters.Select(p => p.detach().reshape(-1))]).MoveToOuterDisposeScope().DetachFromDisposeScope();
            Gradient = zeros_like(Values).MoveToOuterDisposeScope().DetachFromDisposeScope();
            var offset = 0L;
            foreach (var parameter in _parameters)
            {
                var count = parameter.numel();
                parameter.set_(Values.narrow(0, offset, count).view(parameter.shape));
                parameter.grad = Gradient.narrow(0, offset, count).view(parameter.shape);
                offset += count;
            }
        }
    }

    /// <summary>All values.</summary>
    public Tensor Values { get; }

    /// <summary>All gradients.</summary>
    public Tensor Gradient { get; }

    /// <summary>Whether autograd computes gradients of the parameters.</summary>
    public bool RequireGradients
    {
        set
        {
            foreach (var parameter in _parameters)
                parameter.requires_grad = value;
        }
    }

    /// <summary>Scales the gradient down to the norm given if it is larger, without a wait for the device.</summary>
    /// <returns>The norm before, which belongs to the current scope.</returns>
    public Tensor ClipGradient(double largestNorm)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var norm = Gradient.norm();
        var size = norm.to(ScalarType.Float64, copy: true).Shift(1e-6);
        using Scalar one = 1;
        Gradient.mul_(ones_like(size).Times(largestNorm).div(size).clamp_max(one).to(Gradient.dtype));
        return norm.MoveToOuterDisposeScope();
    }

    /// <summary>Lets go of the gradients; the parameters keep their values.</summary>
    public void Dispose()
    {
        foreach (var parameter in _parameters.Where(parameter => !parameter.IsInvalid))
            parameter.grad = null;
        Values.Dispose();
        Gradient.Dispose();
    }
}
