using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace PredictApi;

/// <summary>Whether small images are taken.</summary>
internal sealed class TurnsCheck(Limiters limiters) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(limiters.IsFull ? HealthCheckResult.Degraded("As many images wait as may.") : HealthCheckResult.Healthy());
}
