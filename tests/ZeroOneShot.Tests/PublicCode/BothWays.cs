using ZeroOneShot.Networks;

namespace ZeroOneShot.Tests.PublicCode;

/// <summary>What there is to compare: Automatic is one of these.</summary>
internal static class BothWays
{
    public static SupernetEvaluation[] Evaluations { get; } = [SupernetEvaluation.Lean, SupernetEvaluation.Plain];
}
