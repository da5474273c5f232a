using TorchSharp;
using Xunit;
using ZeroOneShot.Layers;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.PublicCode;

public sealed class OperationAgreementTests
{
    public static TheoryData<string> Recordings => Recording.Cases("primitives_*.safetensors");

    [Theory]
    [MemberData(nameof(Recordings))]
    public void Every_operation_computes_what_the_public_code_computes(string file) => Compare(file, ScalarType.Float64, 1e-10);

    [Theory]
    [MemberData(nameof(Recordings))]
    public void Every_operation_computes_it_in_single_precision_too(string file) => Compare(file, ScalarType.Float32, 1e-4);

    private static void Compare(string file, ScalarType type, double bound)
    {
        var recording = new Recording(file);
        var deviations = new Deviations($"{file}, {type}", bound);
        var names = recording.Texts("primitives");
        Assert.NotEmpty(names);
        foreach (var name in names)
            CompareOperation(recording, SearchSpace.Darts.Operation(name), type, deviations);
        deviations.Check();
    }

    private static void CompareOperation(Recording recording, CandidateOperation operation, ScalarType type, Deviations deviations)
    {
        using var scope = NewDisposeScope();
        var (name, channels) = (operation.Name, recording.Number("channels"));
        using var module = LayerModules.Build(operation.Layers(recording.Number("stride")), channels, channels, affine: false);
        module.to(type).to(TestDevice.Current);
        ModuleWeights.Load(module, recording.File, $"{name}/param/", parametersOnly: true);
        module.train();

        var input = recording.Input($"{name}/input", type).requires_grad_();
        var output = module.forward(input);
        deviations.Add($"{name} output", output, recording.Expected($"{name}/output"));
        if (output.requires_grad)
            (output * recording.Input($"{name}/cotangent", type)).sum().backward();
        deviations.Add($"{name} input gradient", input.grad ?? zeros_like(input), recording.Expected($"{name}/grad_input"));
        foreach (var (weight, parameter) in module.named_parameters())
            deviations.Add($"{name} gradient of {weight}", parameter.grad!, recording.Expected($"{name}/grad/{weight}"));
        Assert.Equal(recording.Under($"{name}/grad/").Order(), module.named_parameters().Select(parameter => parameter.name).Order());
    }
}
