using System.Text.Json;
using Xunit;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.PublicCode;

public sealed class ArchitectureAgreementTests
{
    private static readonly JsonSerializerOptions s_snakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    [Fact]
    public void Beta_decay_has_the_value_and_gradient_of_the_public_code()
    {
        using var scope = NewDisposeScope();
        var recording = new Recording("beta_decay.safetensors");
        var deviations = new Deviations(recording.Name, 1e-10);
        var alphas = recording.Expected("alphas");
        var space = new SearchSpace("recorded", Recording.TopologyOf(alphas.shape[0]),
            [.. SearchSpace.Darts.Operations.Take((int)alphas.shape[1])]);
        using var architecture = new ArchitectureParameters(OperationMask.Full(space), edgeNormalization: false, ScalarType.Float64);
        using (no_grad())
        {
            foreach (var kind in SearchSpace.Darts.Kinds)
                architecture.Alphas(kind).copy_(alphas);
        }
        var loss = BetaDecay.Mean(architecture);
        loss.backward();
        deviations.Add("loss", loss, recording.Expected("loss"));
        // The recording is of one kind of cell; ours is the mean over the edges of both, and so each has half of the gradient.
        foreach (var kind in SearchSpace.Darts.Kinds)
            deviations.Add($"gradient, {kind}", architecture.Alphas(kind).grad! * 2, recording.Expected("grad"));
        deviations.Check();
    }

    [Fact]
    public void The_genotypes_of_the_public_code_are_read_off()
    {
        var cases = JsonSerializer.Deserialize<GenotypeCase[]>(File.ReadAllText(Golden.File("genotypes.json")), s_snakeCase)!;
        Assert.NotEmpty(cases);
        foreach (var (number, recorded) in cases.Index())
        {
            using var scope = NewDisposeScope();
            var space = new SearchSpace("recorded", Recording.TopologyOf(recorded.AlphasNormal.Length),
                [.. SearchSpace.Darts.Operations.Take(recorded.AlphasNormal[0].Length)]);
            using var architecture = new ArchitectureParameters(
                OperationMask.Full(space), recorded.BetasNormal is not null, ScalarType.Float64);
            using (no_grad())
            {
                Fill(architecture.Alphas(CellKind.Normal), [.. recorded.AlphasNormal.SelectMany(row => row)]);
                Fill(architecture.Alphas(CellKind.Reduction), [.. recorded.AlphasReduce.SelectMany(row => row)]);
                Fill(architecture.Betas(CellKind.Normal), recorded.BetasNormal);
                Fill(architecture.Betas(CellKind.Reduction), recorded.BetasReduce);
            }
            var expected = Genotype.Parse(recorded.Genotype);
            Assert.True(expected == architecture.Genotype(),
                $"Case {number} ({recorded.Kind}): expected {expected}, read off {architecture.Genotype()}.");
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"genotypes.json: {cases.Length} genotypes equal");
    }

    private static void Fill(Tensor? parameter, double[]? values)
    {
        if (parameter is not null)
            parameter.copy_(tensor(values!).reshape(parameter.shape));
    }

    private sealed record GenotypeCase(
        string Kind, double[][] AlphasNormal, double[][] AlphasReduce, double[]? BetasNormal, double[]? BetasReduce, string Genotype);
}
